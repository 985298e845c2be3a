"""A problem or an exploration that is wrong cannot be built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from policy_cases import EXPLORATION, random_problem

from serving.policy.problem import NO_ACTION, Arm

GOOD = random_problem(3)


def changed(name: str, at: Any, value: float) -> dict[str, Any]:
    array = getattr(GOOD, name).copy()
    array[at] = value
    return {name: array}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effect": GOOD.effect[:, :2]}, r"effect must have the shape \(6, 4\), got: \(6, 2\)"),
        ({"timing": GOOD.timing[0]}, r"timing must have the shape \(6, 8\), got: \(8,\)"),
        ({"effect": np.asfortranarray(GOOD.effect)}, "effect must lie row after row in memory"),
        ({"prices": GOOD.prices[:1]}, r"prices must have the shape \(2,\), got: \(1,\)"),
        ({"effect": GOOD.effect.astype(int)}, "effect must be an array of float64, got: int64"),
        ({"delivery_cost": [0.0] * 4}, "delivery_cost must be an array of float64, got: list"),
        (
            {"suppressed": GOOD.suppressed.astype(np.int64)},
            "suppressed must be an array of uint32, got: int64",
        ),
        (changed("effect", (2, 1), np.nan), r"effect must lie in .* got: nan at \(2, 1\)"),
        (changed("contact_cost", (0, 1), np.inf), "contact_cost must lie in .* got: inf"),
        (changed("contact_cost", (0, 1), -1), r"contact_cost must lie in \[0, .* got: -1.0"),
        (changed("prices", 0, -0.5), r"prices must lie in \[0, .* got: -0.5 at \(0,\)"),
        (changed("timing", (1, 1), 2.5), r"timing must lie in \[0.5, 2\], got: 2.5 at \(1, 1\)"),
        (changed("lever", (2, 1), -0.5), r"lever must lie in \[0, .* got: -0.5"),
        (changed("lever", (2, 0), 1.5), "lever - 1 must be 0 for 'no_action', got: 0.5"),
        (changed("effect", (3, 0), 9.0), "effect must be 0 for 'no_action', got: 9.0"),
        (changed("suppressed", (3, 0), 2), "suppressed must be 0 for 'no_action', got: 2"),
        (changed("use", (0, 1), 1.0), "use must be 0 for 'no_action', got: 1.0"),
        ({"arms": GOOD.arms[1:]}, r"arms must begin with 'no_action', got: \(Arm\(action_id='a1'"),
        ({"arms": ()}, r"arms must begin with 'no_action', got: \(\)"),
        (
            {"customer_ids": ("a", "b", "a", "c", "d", "e")},
            "customer_ids must differ from one another, got twice: 'a'",
        ),
        ({"resources": ("r", "r")}, "resources must differ from one another, got twice: 'r'"),
        ({"minimum_value": -1.0}, "minimum_value must be finite and not negative, got: -1.0"),
        ({"minimum_value": np.nan}, "minimum_value must be finite and not negative, got: nan"),
    ],
)
def test_a_wrong_problem_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **changes)


@pytest.mark.parametrize(("action", "channel"), [(NO_ACTION, "email"), ("thank_you", None)])
def test_no_action_alone_has_no_channel(action: str, channel: str | None) -> None:
    with pytest.raises(ValueError, match=f"exactly for 'no_action', got: action_id='{action}'"):
        Arm(action, channel)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret": b""}, "secret must hold at least one byte"),
        ({"action_floor": 1.0}, r"action_floor must be in \[0, 1\), got: 1.0"),
        ({"hour_floor": -0.1}, r"hour_floor must be in \[0, 1\), got: -0.1"),
        ({"holdout_share": float("nan")}, r"holdout_share must be in \[0, 1\), got: nan"),
        ({"quiet_share": 2}, r"quiet_share must be in \[0, 1\), got: 2"),
    ],
)
def test_a_wrong_exploration_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(EXPLORATION, **changes)


def test_an_exploration_does_not_show_its_secret() -> None:
    assert "a secret" not in repr(EXPLORATION)
