"""What would have had to be different for another decision: tried out on the policy itself."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.derived import derived, with_what_follows
from serving.explain.themes import THEMES, of_feature
from serving.policy.exploration import Stratum
from serving.replay import Replay

SHOWN: Final = 3
"""No more than so many are told of."""

_FRACTIONS: Final = frozenset(
    {"days", "share", "ratio", "nats", "standard deviations", "orders a week", "stars"}
)

_ORDERS: Final = re.compile(r"orders_(\d+)d")

Move = dict[int, float]
"""New values by column of the catalogue."""


def counterfactuals(replay: Replay) -> list[dict[str, Any]]:
    """Changes of one theme to usual values, else of two, after which the policy decides otherwise.

    A change moves all features of a theme that a customer can change (never tenure, season or a
    protected attribute, which is no feature at all) to what is usual; what follows from them by
    arithmetic, such as the lifecycle stage, follows, and a history that nobody could have is not
    tried. Everything else stays, the draws of chance
    included. The policy is run on each candidate, so what `then` says is what it decides.

    Returns:
        At most `SHOWN`, in the order of the themes; none where chance decided, by stratum or by
        exploration: there is nothing about the customer that the decision rests on.
    """
    _, choices = replay.decided()
    arm = int(choices.arm[0])
    if choices.stratum[0] is not Stratum.MAIN or arm != choices.best_arm[0]:
        return []
    moves = _moves(replay)
    for size in (1, 2):
        if found := _that_decide_otherwise(replay, list(combinations(moves, size)), moves, arm):
            return found[:SHOWN]
    return []


def _moves(replay: Replay) -> dict[str, Move]:
    """By theme, what would have to change for it to be as usual; nothing where it is."""
    usual, own = replay.weighing.loaded.bundle.usual, replay.customer.features[0]
    follows = derived(CATALOGUE)
    moves: dict[str, Move] = {}
    for column, name in enumerate(CATALOGUE.names):
        theme, _ = of_feature(name)
        if not theme.changes or name in follows or name not in usual or np.isnan(own[column]):
            continue
        target = _as_told(usual[name], CATALOGUE.features[name].unit)
        if target != own[column]:
            moves.setdefault(theme.name, {})[column] = target
    order = [theme.name for theme in THEMES]
    return dict(sorted(moves.items(), key=lambda move: order.index(move[0])))


def _as_told(value: float, unit: str) -> float:
    """Rounded to what a sentence shows, so that what is told is what was tried."""
    if unit == "minor units":
        return float(round(value))
    return float(f"{value:.3g}") if unit in _FRACTIONS else float(round(value))


def _that_decide_otherwise(
    replay: Replay, tried: list[tuple[str, ...]], moves: dict[str, Move], arm: int
) -> list[dict[str, Any]]:
    """Those of the `tried` themes whose move makes another arm the best, and the one chosen."""
    own = replay.customer.features[0]
    variants = np.repeat(own[np.newaxis], len(tried), axis=0)
    for row, themes in enumerate(tried):
        for theme in themes:
            variants[row, list(moves[theme])] = list(moves[theme].values())
    variants = with_what_follows(variants, CATALOGUE)
    could_be = np.flatnonzero(_possible(variants))
    if not len(could_be):
        return []
    tried, variants = [tried[row] for row in could_be], variants[could_be]
    moved = replay.with_features(variants)
    faced, choices = moved.decided()
    otherwise = (choices.arm != arm) & (choices.arm == choices.best_arm)
    return [
        {
            "themes": list(tried[row]),
            "changes": _changes(own, variants[row], moved=True),
            "follows": _changes(own, variants[row], moved=False),
            "then": {
                "action_id": faced.problem.arms[choices.arm[row]].action_id,
                "channel": faced.problem.arms[choices.arm[row]].channel,
                "churn_probability": float(moved.customer.predictions.churn_probability[row]),
            },
        }
        for row in np.flatnonzero(otherwise).tolist()
    ]


def _possible(features: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows, shape (n,), are histories that somebody could have: when the last order was fits
    the first one, the repeat purchases, and the orders of each window.
    """

    def of(name: str) -> NDArray[np.float64]:
        return np.asarray(features[:, CATALOGUE.names.index(name)])

    since, tenure = of("days_since_last_order"), of("tenure_days")
    fits = (since < tenure) | ((since == tenure) & (of("frequency") == 0))
    for name in CATALOGUE.names:
        if window := _ORDERS.fullmatch(name):
            fits &= (of(name) > 0) == (since <= int(window[1]))
    return np.asarray(fits)


def _changes(
    own: NDArray[np.float64], variant: NDArray[np.float64], *, moved: bool
) -> list[dict[str, Any]]:
    """What differs between two rows: features that were moved, or those that follow."""
    follows = derived(CATALOGUE)
    differs = (own != variant) & ~(np.isnan(own) & np.isnan(variant))
    return [
        {"feature": name, "from": _number(own[column]), "to": _number(variant[column])}
        for column in np.flatnonzero(differs).tolist()
        if ((name := CATALOGUE.names[column]) not in follows) == moved
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
