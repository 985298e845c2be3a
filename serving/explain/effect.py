"""What an action's effect rests on: a declared share, a measurement, and what is personal in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from models.effects import UpdatedEffects
from serving.bundles import Loaded
from serving.explain.risk import contributions, features_of, grouped, require_sum
from serving.policy.problem import NO_ACTION


def effect_basis(record: dict[str, Any], loaded: Loaded) -> dict[str, Any] | None:
    """The declared share behind the effect, and what was measured of it; None for `no_action`.

    A measurement is in minor units; its `weight` in the effect is in [0, 1], the belief's is the
    rest. Where it differs between customers, `contributions` take the measured effect apart, and
    sum to it with `base_value`; a belief and an effect for all are no personal reason.

    Raises:
        ExplanationError: They do not sum to it.
    """
    if record["action_id"] == NO_ACTION:
        return None
    effects = loaded.bundle.effects
    arm = effects.arms.index((record["action_id"], record["channel"]))
    stage = record["inputs"]["features"]["lifecycle_stage"]
    share = effects.declared.shares(np.array([np.nan if stage is None else stage]))[0, arm]
    row, measured, personal = features_of(record, loaded), None, None
    if isinstance(effects, UpdatedEffects):
        measured = effects.measurement(arm, row)
    if isinstance(effects, UpdatedEffects) and measured is not None and measured.personal:
        parts = effects.contributions(arm, row)[0]
        require_sum(parts, measured.effect, "the measured effect")
        listed = contributions(record, loaded, parts)
        personal = {
            "base_value": float(parts[-1]),
            "contributions": listed,
            "reasons": grouped(listed),
        }
    return {
        "kind": "declared_prior" if measured is None else "measured",
        "personal": personal is not None,
        "share_of_margin_at_risk": float(share),
        "share_sd": float(effects.declared.sd[arm]),
        "lifecycle_stage": record["predictions"]["lifecycle_stage"],
        "measurement": None if measured is None else asdict(measured),
        "rests_on": personal,
    }
