"""What is expected of figures before outcomes are known, against brute force and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluation.estimated import expected_auc, expected_figures
from training.evaluation.probabilities import brier, log_loss
from training.evaluation.ranking import auc

DOUBTFUL = st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.7, 0.99])


def pairs_won(p):
    """Over all ordered pairs of two rows: the mean won, over the mean that there are."""
    won = there = 0.0
    for i, one in enumerate(p):
        for j, other in enumerate(p):
            if i != j:
                chance = one * (1 - other)
                there += chance
                won += chance * (1.0 if one > other else 0.5 if one == other else 0.0)
    return won / there


def derivative(p, i):
    """Of the ratio by row i's outcome: where it is 1 less where it is 0, the scores kept."""
    step = 1e-6

    def at(chance):
        won = there = 0.0
        for k in range(len(p)):
            for j in range(len(p)):
                if k != j:
                    both = chance[k] * (1 - chance[j])
                    there += both
                    won += both * (1.0 if p[k] > p[j] else 0.5 if p[k] == p[j] else 0.0)
        return won / there

    up, down = p.copy(), p.copy()
    up[i] += step
    down[i] -= step
    return (at(up) - at(down)) / (2 * step)


@given(arrays(np.float64, st.integers(2, 25), elements=DOUBTFUL))
def test_expected_auc_is_that_of_all_pairs(p):
    assert expected_auc(p).value == pytest.approx(pairs_won(p))


def test_its_variance_is_the_delta_methods():
    p = np.array([0.1, 0.1, 0.3, 0.45, 0.5, 0.62, 0.8])
    variance = sum(p[i] * (1 - p[i]) * derivative(p, i) ** 2 for i in range(len(p)))
    found = expected_auc(p)
    reach = 1.959964 * np.sqrt(variance)
    assert found.low == pytest.approx(max(found.value - reach, 0), abs=1e-6)
    assert found.high == pytest.approx(min(found.value + reach, 1), abs=1e-6)


def test_two_rows_by_hand():
    """0.8 wins with 0.8 · 0.8, 0.2 with 0.2 · 0.2, and is then ranked below."""
    assert expected_auc([0.2, 0.8]).value == pytest.approx(0.64 / 0.68)


def test_all_alike_is_chance():
    assert expected_auc(np.full(50, 0.3)).value == pytest.approx(0.5)


@pytest.mark.parametrize("decimals", [2, 12], ids=["many ties", "no ties"])
def test_on_calibrated_probabilities_what_is_realised_is_as_expected(decimals):
    """Mean within noise, and 95 % of the realised figures inside the interval."""
    rng = np.random.default_rng(5)
    p = rng.beta(0.8, 4, 800).round(decimals).clip(0.001, 0.999)
    expected = expected_figures(p)
    realised = {"auc": [], "log_loss": [], "brier": [], "rate": []}
    for _ in range(800):
        y = (rng.random(p.size) < p).astype(float)
        realised["auc"].append(auc(y, p))
        realised["log_loss"].append(log_loss(y, p))
        realised["brier"].append(brier(y, p))
        realised["rate"].append(y.mean())
    for name, values in realised.items():
        told = getattr(expected, name)
        error = np.std(values) / np.sqrt(len(values))
        assert np.mean(values) == pytest.approx(told.value, abs=4 * error), name
        inside = np.mean([told.low <= v <= told.high for v in values])
        assert 0.92 <= inside <= 0.98, name


def test_it_is_quick_on_many_rows():
    """A million rows: pairs would be 10^12."""
    p = np.random.default_rng(1).beta(1, 5, 1_000_000)
    some = expected_auc(p[:200_000]).value
    assert expected_auc(p).value == pytest.approx(some, abs=0.005)


@pytest.mark.parametrize("p", [[0.0, 0.0], [1.0, 1.0, 1.0], [0.4]])
def test_where_no_auc_can_come_the_error_says_so(p):
    with pytest.raises(ValueError, match=r"p must leave room for a 1 and a 0, got: \d rows from"):
        expected_auc(p)


def test_probabilities_are_checked():
    with pytest.raises(ValueError, match=r"p must lie within \[0, 1\], got: from 0.5 to 1.5"):
        expected_figures([0.5, 1.5])
