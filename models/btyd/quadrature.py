"""Integrals as short weighted sums, as exact as the machine for smooth integrands."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def beta_rule(a: float, b: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Gauss' rule for the mean of f(p), p ~ Beta(a, b): E[f(p)] = sum_j weights_j * f(nodes_j).

    The nodes are the eigenvalues of the Jacobi matrix of the distribution's orthogonal polynomials,
    the weights the squared first components of its eigenvectors (Golub & Welsch 1969). The matrix
    is written by the canonical moments of the Beta distribution (Dette & Studden 1997), which lie
    in (0, 1) for every a and b: where a + b = 1, the usual recurrence divides 0 by 0.

    Args:
        a: Above 0.
        b: Above 0, shape (k,).
        count: Of nodes; the rule is exact for polynomials of degree 2 * count - 1.

    Returns:
        Nodes in (0, 1) and weights that sum to 1, both of shape (count, k).
    """
    i = np.arange(1, count + 1)
    ab = a + b[:, None]
    odd = (a + i - 1) / (ab + 2 * i - 2)
    even = i / (ab + 2 * i - 1)
    # With p_0 = 0: zeta_m = (1 - p_{m - 1}) * p_m for the moments p_1, p_2, ... in turn.
    before_odd = np.concatenate([np.zeros((len(b), 1)), even[:, :-1]], axis=1)
    zeta_odd, zeta_even = (1 - before_odd) * odd, (1 - odd) * even
    matrix = np.zeros((len(b), count, count))
    at = np.arange(count)
    matrix[:, at, at] = zeta_odd
    matrix[:, at[1:], at[1:]] += zeta_even[:, :-1]
    # eigh reads the lower triangle alone.
    matrix[:, at[1:], at[:-1]] = np.sqrt(zeta_odd[:, :-1] * zeta_even[:, :-1])
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes.T, vectors[:, 0, :].T ** 2


@cache
def unit_rule(count: int) -> tuple[FloatArray, FloatArray]:
    """Gauss' rule for the integral over [0, 1]: nodes and weights of shape (count,), read-only.

    Finding the nodes takes longer than all else that is asked of one customer: it is done once.
    """
    nodes, weights = np.polynomial.legendre.leggauss(count)
    rule = (nodes + 1) / 2, weights / 2
    for column in rule:
        column.setflags(write=False)
    return rule
