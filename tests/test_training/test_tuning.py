"""The search for settings: its bounds, what it gives up, and where it goes on."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from training.config import Training
from training.tuning import Memory, tune

SPACE = {"leaves": (2, 64), "rate": (0.01, 1.0)}
DEFAULTS = {"leaves": 60, "rate": 0.9, "objective": "binary"}
BEST = DEFAULTS | {"leaves": 8, "rate": 0.1}
LONG = 60


def distance(parameters):
    """Least at leaves 8 and rate 0.1."""
    return np.log(parameters["leaves"] / 8) ** 2 + np.log(parameters["rate"] / 0.1) ** 2


class Recorded:
    """Losses on some dates, all alike; remembers what was asked for, and how many dates of it."""

    def __init__(self, dates: int = 1) -> None:
        self.dates = dates
        self.asked: list[dict] = []
        self.given: list[int] = []

    def __call__(self, parameters):
        self.asked.append(parameters)
        self.given.append(0)
        for _ in range(self.dates):
            self.given[-1] += 1
            yield distance(parameters)


def test_it_finds_better_settings_within_its_space_and_tells_how_far_it_is():
    losses, told = Recorded(), []
    training = Training(trials=25, tuning_seconds=LONG)
    chosen = tune(losses, DEFAULTS, SPACE, training, progress=lambda *done: told.append(done))
    assert losses.asked[0] == DEFAULTS
    assert all(2 <= t["leaves"] <= 64 and 0.01 <= t["rate"] <= 1 for t in losses.asked)
    assert isinstance(chosen.parameters["leaves"], int)
    assert chosen.parameters["objective"] == "binary"
    assert chosen.loss == distance(chosen.parameters) == min(map(distance, losses.asked))
    assert chosen.loss < distance(DEFAULTS) / 4
    assert (chosen.trials, told[-1]) == (25, (25, 25))


def test_good_defaults_are_kept():
    chosen = tune(Recorded(), BEST, SPACE, Training(trials=5, tuning_seconds=LONG))
    assert chosen.parameters == BEST


def test_settings_of_a_wider_space_are_brought_to_its_edge(tmp_path):
    losses = Recorded()
    wider = DEFAULTS | {"leaves": 500, "rate": 5.0}
    memory = Memory(tmp_path / "journal", "study", (wider,))
    tune(losses, DEFAULTS, SPACE, Training(trials=2, tuning_seconds=LONG), memory=memory)
    assert losses.asked == [DEFAULTS, DEFAULTS | {"leaves": 64, "rate": 1.0}]


@pytest.mark.parametrize("bounds", [{"trials": 0}, {"tuning_seconds": 0}])
def test_without_time_or_trials_the_defaults_are_taken(bounds):
    losses = Recorded(dates=3)
    chosen = tune(losses, DEFAULTS, SPACE, Training(**bounds))
    assert (chosen.parameters, chosen.loss, chosen.trials) == (DEFAULTS, distance(DEFAULTS), 0)
    assert losses.given == [3]


def test_the_seed_decides_what_is_tried():
    def tried(seed):
        losses = Recorded()
        tune(losses, DEFAULTS, SPACE, Training(trials=6, tuning_seconds=LONG, seed=seed))
        return losses.asked

    assert tried(1) == tried(1)
    assert tried(1) != tried(2)


def test_settings_worse_than_most_are_given_up_after_the_second_date_at_the_earliest():
    losses = Recorded(dates=6)
    chosen = tune(losses, BEST, SPACE, Training(trials=30, tuning_seconds=LONG))
    assert losses.given[:4] == [6] * 4  # nothing to compare with yet
    assert set(losses.given) == {2, 6}
    assert chosen.pruned == losses.given.count(2) > 5
    assert (chosen.trials, chosen.parameters) == (30, BEST)


def test_what_is_given_up_never_wins():
    """A loss that falls on later dates: given up early, those are not counted as low."""

    def losses(parameters):
        far = distance(parameters)
        yield from (far, far, -far)

    chosen = tune(losses, DEFAULTS, SPACE, Training(trials=20, tuning_seconds=LONG))
    assert chosen.pruned > 0
    assert chosen.loss == -distance(chosen.parameters)


# --- memory -----------------------------------------------------------------------------------


class Died(Exception):
    """The process ends in the middle of a trial."""


def test_it_goes_on_where_it_broke_off(tmp_path):
    memory = Memory(tmp_path / "made" / "journal", "inputs 1")
    training = Training(trials=8, tuning_seconds=LONG)
    first = Recorded()

    def dies(parameters):
        if len(first.asked) == 3:
            raise Died
        yield from first(parameters)

    with pytest.raises(Died):
        tune(dies, DEFAULTS, SPACE, training, memory=memory)
    rest = Recorded()
    chosen = tune(rest, DEFAULTS, SPACE, training, memory=memory)
    assert (len(first.asked), len(rest.asked), chosen.trials) == (3, 5, 8)
    assert chosen.loss == min(map(distance, [*first.asked, *rest.asked]))
    together = {tuple(t.items()) for t in [*first.asked, *rest.asked]}
    assert len(together) == 8  # nothing was tried twice
    finished = Recorded()
    assert tune(finished, DEFAULTS, SPACE, training, memory=memory) == chosen
    assert finished.asked == []


def test_a_start_that_died_with_its_process_is_tried_again(tmp_path):
    memory = Memory(tmp_path / "journal", "inputs 1", starts=(BEST,))

    def dies(_parameters):
        raise Died
        yield

    with pytest.raises(Died):
        tune(dies, DEFAULTS, SPACE, Training(trials=4, tuning_seconds=LONG), memory=memory)
    losses = Recorded()
    tune(losses, DEFAULTS, SPACE, Training(trials=4, tuning_seconds=LONG), memory=memory)
    assert DEFAULTS in losses.asked
    assert losses.asked.count(BEST) == 1


def test_other_inputs_are_another_search(tmp_path):
    training = Training(trials=3, tuning_seconds=LONG)
    for study in ("inputs 1", "inputs 2"):
        losses = Recorded()
        tune(losses, DEFAULTS, SPACE, training, memory=Memory(tmp_path / "journal", study))
        assert len(losses.asked) == 3


def test_the_champions_settings_are_tried_next_after_the_defaults(tmp_path):
    champion = BEST | {"objective": "another", "unknown": 3}
    losses = Recorded()
    chosen = tune(
        losses,
        DEFAULTS,
        SPACE,
        Training(trials=2, tuning_seconds=LONG),
        memory=Memory(tmp_path / "journal", "inputs 1", starts=(champion, DEFAULTS)),
    )
    assert losses.asked == [DEFAULTS, BEST]
    assert chosen.parameters == BEST
    assert math.isclose(chosen.loss, 0, abs_tol=1e-12)


def test_no_trial_begins_after_the_time_is_up():
    losses = Recorded()

    def slow(parameters):
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
        yield from losses(parameters)

    chosen = tune(slow, DEFAULTS, SPACE, Training(trials=1000, tuning_seconds=0.2))
    assert 1 <= chosen.trials < 20
