"""Which dates teach, which choose, and which judge: in order of time, a horizon apart."""

from __future__ import annotations

from dataclasses import dataclass

from features.clock import DAY_US, iso


@dataclass(frozen=True)
class Split:
    """`as_of` dates, microseconds in UTC, latest first.

    Every validation date lies at least the horizon and the label's lag (`gap_days`) after the
    dates its model learns from, so that those labels were known by then; likewise `test` after
    all that the final model learns from.
    """

    test: int
    dates: tuple[int, ...]
    validation: tuple[int, ...]
    gap_days: int

    def known_at(self, instant: int) -> tuple[int, ...]:
        """The dates whose labels were known at `instant`."""
        return tuple(d for d in self.dates if d + self.gap_days * DAY_US <= instant)

    @property
    def refit(self) -> tuple[int, ...]:
        """The dates that the final model learns from: every label known by the test date."""
        return self.known_at(self.test)


def split(
    test: int,
    *,
    first_event: int,
    gap_days: int,
    step_days: int,
    dates: int,
    history_days: int,
    validation_dates: int,
) -> Split:
    """Dates `step_days` apart, back from the last whose label is known at `test`.

    Args:
        test: The instant that the model is judged at.
        first_event: The earliest event; the first date lies `history_days` after it or later.
        gap_days: Horizon and lag of the label together.
        step_days: Between successive dates.
        dates: At most so many.
        history_days: What the earliest date needs behind it.
        validation_dates: How many of the latest dates choose settings and calibration.

    Raises:
        ValueError: The history is too short for a training date before a validation date, or
            `dates` too few.
    """
    listed: list[int] = []
    date = test - gap_days * DAY_US
    while len(listed) < dates and date >= first_event + history_days * DAY_US:
        listed.append(date)
        date -= step_days * DAY_US
    teachable = [
        d for d in listed[:validation_dates] if any(x + gap_days * DAY_US <= d for x in listed)
    ]
    if not teachable:
        steps = -(-gap_days // step_days)
        needed = history_days + gap_days + steps * step_days
        raise ValueError(
            f"events must reach back {needed} days before the test date {iso(test)} "
            f"(history {history_days}, and horizon and lag {gap_days} twice, in steps of "
            f"{step_days}) and dates be {steps + 1} at least, "
            f"the first event is of {iso(first_event)}, dates: {dates}"
        )
    return Split(test, tuple(listed), tuple(teachable), gap_days)
