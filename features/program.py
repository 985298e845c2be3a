"""The catalogue's arithmetic laid out as a list of steps, and the compiled loop that runs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from features.catalogue.columns import Column, Step

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = (
    int(s) for s in (Step.ADD, Step.SUBTRACT, Step.MULTIPLY, Step.DIVIDE)
)
_LESS, _AT_MOST, _AND, _WHERE = (int(s) for s in (Step.LESS, Step.AT_MOST, Step.AND, Step.WHERE))
_LARGER, _ROOT, _FLOOR, _IS_UNKNOWN = (
    int(s) for s in (Step.LARGER, Step.ROOT, Step.FLOOR, Step.IS_UNKNOWN)
)

_ROWS_AT_ONCE = 256  # all registers of so many rows stay in a core's own cache


@dataclass(frozen=True)
class Program:
    """Steps over registers, each of which holds a column.

    The first registers are the inputs, then come `constants`, then one result a step. `steps` is
    int32 of shape (steps, 4): the operation and up to three registers that it reads. `results`
    tells each feature's register.
    """

    inputs: tuple[str, ...]
    constants: NDArray[np.float64]
    steps: NDArray[np.int32]
    results: NDArray[np.int32]

    def run(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """All features in all rows.

        Args:
            inputs: Shape (i, rows), in the order of `inputs`.

        Returns:
            Shape (rows, f).
        """
        out = np.empty((inputs.shape[1], len(self.results)), np.float64)
        _run(inputs, self.constants, self.steps, self.results, out)
        return out


def program(features: Iterable[Column], inputs: tuple[str, ...]) -> Program:
    """Lay features out; what two of them share is computed once.

    Args:
        features: f of them, as a catalogue's `columns` are.
        inputs: The names of the columns that `Program.run` is given.
    """
    columns = list(features)
    constants: dict[str, float] = {}
    order: dict[str, Column] = {}

    def visit(column: Column) -> None:
        if isinstance(column.source, float):
            constants[column.digest] = column.source
        elif isinstance(column.source, Step) and column.digest not in order:
            for i in column.inputs:
                visit(i)
            order[column.digest] = column

    for column in columns:
        visit(column)
    register = {Column(name).digest: i for i, name in enumerate(inputs)}
    for digest in (*constants, *order):
        register[digest] = len(register)
    steps = np.zeros((len(order), 4), np.int32)
    for i, column in enumerate(order.values()):
        assert isinstance(column.source, Step)  # noqa: S101 - only steps were put in order
        reads = [register[x.digest] for x in column.inputs]
        steps[i, : 1 + len(reads)] = [column.source, *reads]
    return Program(
        inputs=inputs,
        constants=np.array(list(constants.values()), np.float64),
        steps=steps,
        results=np.array([register[c.digest] for c in columns], np.int32),
    )


@nb.njit(cache=True, nogil=True)
def _run(  # noqa: PLR0912 - one loop is the point of it
    inputs: NDArray[np.float64],
    constants: NDArray[np.float64],
    steps: NDArray[np.int32],
    results: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    given, rows = inputs.shape
    first = given + len(constants)
    width = min(rows, _ROWS_AT_ONCE)
    registers = np.empty((first + len(steps), width), np.float64)
    for i in range(len(constants)):
        registers[given + i, :] = constants[i]
    for start in range(0, rows, _ROWS_AT_ONCE):
        n = min(_ROWS_AT_ONCE, rows - start)
        for i in range(given):
            for r in range(n):
                registers[i, r] = inputs[i, start + r]
        for s in range(len(steps)):
            kind = steps[s, 0]
            a, b, c, to = steps[s, 1], steps[s, 2], steps[s, 3], first + s
            if kind == _ADD:
                for r in range(n):
                    registers[to, r] = registers[a, r] + registers[b, r]
            elif kind == _SUBTRACT:
                for r in range(n):
                    registers[to, r] = registers[a, r] - registers[b, r]
            elif kind == _MULTIPLY:
                for r in range(n):
                    registers[to, r] = registers[a, r] * registers[b, r]
            elif kind == _DIVIDE:
                for r in range(n):
                    registers[to, r] = np.divide(
                        registers[a, r], registers[b, r]
                    )  # by 0: infinite or NaN, no error
            elif kind == _LESS:
                for r in range(n):
                    registers[to, r] = 1.0 if registers[a, r] < registers[b, r] else 0.0
            elif kind == _AT_MOST:
                for r in range(n):
                    registers[to, r] = 1.0 if registers[a, r] <= registers[b, r] else 0.0
            elif kind == _AND:
                for r in range(n):
                    registers[to, r] = (
                        1.0 if registers[a, r] != 0.0 and registers[b, r] != 0.0 else 0.0
                    )
            elif kind == _WHERE:
                for r in range(n):
                    registers[to, r] = (
                        registers[b, r] if registers[a, r] != 0.0 else registers[c, r]
                    )
            elif kind == _LARGER:
                for r in range(n):
                    registers[to, r] = (
                        registers[a, r] if registers[a, r] > registers[b, r] else registers[b, r]
                    )
            elif kind == _ROOT:
                for r in range(n):
                    registers[to, r] = np.sqrt(registers[a, r])
            elif kind == _FLOOR:
                for r in range(n):
                    registers[to, r] = np.floor(registers[a, r])
            elif kind == _IS_UNKNOWN:
                for r in range(n):
                    registers[to, r] = 1.0 if np.isnan(registers[a, r]) else 0.0
        for j in range(len(results)):
            for r in range(n):
                out[start + r, j] = registers[results[j], r]
