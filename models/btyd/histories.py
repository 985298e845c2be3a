"""What a buy-till-you-die model knows of its customers."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """When n customers bought: all that the two transaction models need, one row each.

    Time runs from the customer's own first transaction, which is never counted, in any unit that
    the model was fitted in (weeks, in the literature).

    Attributes:
        frequency: Transactions after the first, whole, at least 0; x in the literature.
        t_x: When the last of them was, in (0, age]; 0 where there were none. The literature says
            "recency", which elsewhere means the time since then: so it is not called that here.
        age: Until when the customer was observed, at least 0; T in the literature.

    Raises:
        ValueError: A row that no customer can have.
    """

    frequency: FloatArray
    t_x: FloatArray
    age: FloatArray

    def __post_init__(self) -> None:
        for name in ("frequency", "t_x", "age"):
            # Of one's own, one after the other: compiled code is made for no others.
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        columns = self.frequency, self.t_x, self.age
        if {column.shape for column in columns} != {(len(self),)} or not _possible(*columns):
            self._name_the_fault()

    def _name_the_fault(self) -> None:
        for name in ("frequency", "t_x", "age"):
            column = getattr(self, name)
            if column.shape != (len(self.frequency),):
                raise ValueError(
                    f"{name} must be of shape ({len(self.frequency)},) like frequency, "
                    f"got: {column.shape}"
                )
            _refuse(~np.isfinite(column), f"{name} must be finite", **{name: column})
            _refuse(column < 0, f"{name} must be at least 0", **{name: column})
        x, t_x, age = self.frequency, self.t_x, self.age
        _refuse(x != np.floor(x), "frequency must be whole", frequency=x)
        _refuse(t_x > age, "t_x must not exceed age", t_x=t_x, age=age)
        _refuse(
            (x > 0) != (t_x > 0), "t_x must be above 0 if and only if frequency is",
            frequency=x, t_x=t_x,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.frequency)

    def horizons(self, horizon: npt.ArrayLike) -> FloatArray:
        """`horizon` as one length of time for each customer, shape (n,).

        Args:
            horizon: One number, or shape (n,); at least 0.
        """
        lengths = np.full(len(self), horizon, np.float64)
        possible = (lengths >= 0) & (lengths < np.inf)
        if not possible.all():
            _refuse(~possible, "horizon must be at least 0 and finite", horizon=lengths)
        return lengths


@nb.njit(cache=True, nogil=True)
def _possible(frequency: FloatArray, t_x: FloatArray, age: FloatArray) -> bool:
    """Whether there can be a customer of each row; false where a number is missing."""
    for x, last, until in zip(frequency, t_x, age):  # noqa: B905 - compiled code knows no strict
        whole = x == np.floor(x) and 0 <= x < np.inf
        if not (whole and 0 <= last <= until < np.inf and (x > 0) == (last > 0)):
            return False
    return True


def _refuse(wrong: npt.NDArray[np.bool_], rule: str, **columns: FloatArray) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        values = ", ".join(f"{name}={column[row]:g}" for name, column in columns.items())
        raise ValueError(f"{rule}, got: {values} in row {row}")


def require_positive(**parameters: float) -> None:
    """Insist that all parameters of a model are above 0 and finite."""
    for name, value in parameters.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be above 0 and finite, got: {name}={value:g}")
