"""Effects as plain values and boosters, for a bundle's manifest and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models.effects.declared import DeclaredEffects
from models.effects.learned import ArmEffect, LearnedEffects, Personal, Term
from models.effects.regression import Linear, Regression, Trees
from models.effects.updated import UpdatedEffects

FORMAT: Final = 1
Boosters = dict[str, lgb.Booster]
"""By the name that the stated values give them: what goes to files of their own."""


def stated(effects: LearnedEffects) -> tuple[dict[str, Any], Boosters]:
    """Everything as JSON can hold it, to the last bit, and the boosters apart."""
    boosters: Boosters = {}
    arms = [_stated_arm(arm, number, boosters) for number, arm in enumerate(effects.arms)]
    return {
        "format": FORMAT,
        "columns": effects.columns,
        "basis": effects.basis,
        "arms": arms,
    }, boosters


def from_stated(stated: Mapping[str, Any], boosters: Mapping[str, lgb.Booster]) -> LearnedEffects:
    """What `stated` took apart.

    Raises:
        ValueError: The format is another, or a booster is missing.
    """
    if stated["format"] != FORMAT:
        raise ValueError(f"learned effects must have format {FORMAT}, got: {stated['format']!r}")
    arms = tuple(_arm(arm, boosters) for arm in stated["arms"])
    return LearnedEffects(stated["columns"], stated["basis"], arms)


def stated_effects(effects: DeclaredEffects | UpdatedEffects) -> tuple[dict[str, Any], Boosters]:
    """As `stated`, of what a bundle holds; `learned` is absent where all is declared."""
    declared = effects.declared
    values: dict[str, Any] = {
        "arms": [list(arm) for arm in declared.arms],
        "share": declared.share.tolist(),
        "sd": declared.sd.tolist(),
    }
    if isinstance(effects, DeclaredEffects):
        return values, {}
    learned, boosters = stated(effects.learned)
    told = {"at_risk": effects.at_risk, "decisions": list(effects.decisions)}
    return values | told | {"learned": learned}, boosters


def effects_from_stated(
    stated: Mapping[str, Any], boosters: Mapping[str, lgb.Booster]
) -> DeclaredEffects | UpdatedEffects:
    """What `stated_effects` took apart; errors as of `from_stated`."""
    declared = DeclaredEffects(
        arms=tuple((action, channel) for action, channel in stated["arms"]),
        share=np.array(stated["share"], np.float64),
        sd=np.array(stated["sd"], np.float64),
    )
    if "learned" not in stated:
        return declared
    learned = from_stated(stated["learned"], boosters)
    return UpdatedEffects(declared, learned, stated["at_risk"], tuple(stated["decisions"]))


def _stated_arm(arm: ArmEffect, number: int, boosters: Boosters) -> dict[str, Any]:
    personal: dict[str, Any] | None = None
    if arm.personal is not None:
        terms = []
        for place, term in enumerate(arm.personal.score):
            name = f"effects_{number}_{place}"  # begins like the component's name
            regression = _stated_regression(term.regression, name, boosters)
            terms.append({"weight": term.weight, "treated": term.treated, "regression": regression})
        personal = vars(arm.personal) | {"score": terms}
    compared = None if arm.compared is None else _stated_linear(arm.compared)
    return vars(arm) | {"personal": personal, "compared": compared}


def _stated_regression(
    regression: Regression, name: str, boosters: Boosters
) -> dict[str, Any] | str:
    """A linear one as values; trees as the name of their booster."""
    if isinstance(regression, Linear):
        return _stated_linear(regression)
    boosters[name] = regression.booster
    return name


def _stated_linear(linear: Linear) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(linear).items()}


def _arm(stated: Mapping[str, Any], boosters: Mapping[str, lgb.Booster]) -> ArmEffect:
    personal, compared = stated["personal"], stated["compared"]
    if personal is not None:
        score = tuple(
            Term(term["weight"], _regression(term["regression"], boosters), term["treated"])
            for term in personal["score"]
        )
        personal = Personal(**personal | {"score": score})
    compared = None if compared is None else _linear(compared)
    return ArmEffect(**dict(stated) | {"personal": personal, "compared": compared})


def _regression(stated: Mapping[str, Any] | str, boosters: Mapping[str, lgb.Booster]) -> Regression:
    if not isinstance(stated, str):
        return _linear(stated)
    if stated not in boosters:
        raise ValueError(f"learned effects need the booster {stated!r}, got: {sorted(boosters)}")
    return Trees(boosters[stated])


def _linear(stated: Mapping[str, Any]) -> Linear:
    arrays = {n: np.array(stated[n], np.float64) for n in ("median", "centre", "scale")}
    return Linear(
        **arrays,
        gaps=np.array(stated["gaps"], np.int64),
        coefficients=np.array(stated["coefficients"], np.float64),
        intercept=stated["intercept"],
        logistic=stated["logistic"],
    )
