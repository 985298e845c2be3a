"""Declared actions become arms with rules, costs and effects."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.catalogue.tenure import LIFECYCLE_STAGES
from serving.config import Action, Channel, ChannelCost, EffectPrior
from serving.policy.problem import Arm
from serving.program import ProgramError, declared_effects, policy_document, program

FEATURES = ("orders_28d", "days_since_last_order", "lifecycle_stage")
CHANNELS = {
    Channel.EMAIL: ChannelCost(delivery_cost_minor=0.5, contact_cost_minor=2),
    Channel.SMS: ChannelCost(delivery_cost_minor=3, quiet_hours_apply=False),
}


def action(name="thank_you", **changes):
    return Action(id=name, description="d", **{"channels": ("email",)} | changes)


def parsed(*actions):
    document = json.loads(json.dumps(policy_document(actions, CHANNELS)))
    return program(document, FEATURES)


def test_arms_are_no_action_and_then_each_action_on_each_channel():
    made = parsed(action(channels=("email", "sms")), action("call", channels=("call_center",)))
    assert made.arms == (
        Arm("no_action", None),
        Arm("thank_you", "email"),
        Arm("thank_you", "sms"),
        Arm("call", "call_center"),
    )


def test_costs_add_the_action_and_its_channel_and_an_undeclared_channel_is_free():
    made = parsed(action(channels=("email", "sms", "push"), cost_minor=10))
    np.testing.assert_array_equal(made.delivery_cost, [0, 10.5, 13, 10])
    np.testing.assert_array_equal(made.contact_cost, [0, 2, 0, 0])
    np.testing.assert_array_equal(made.quiet_hours_apply, [False, True, False, True])


def test_use_has_a_column_for_each_resource_by_name():
    made = parsed(
        action(uses={"vouchers": 1}),
        action("call", channels=("email", "sms"), uses={"minutes": 8, "vouchers": 2}),
    )
    assert made.resources == ("minutes", "vouchers")
    np.testing.assert_array_equal(made.use, [[0, 0], [0, 1], [8, 2], [8, 2]])


def test_without_resources_use_has_no_column():
    assert parsed(action()).use.shape == (2, 0)


def test_without_actions_there_is_no_action_alone():
    made = parsed()
    assert made.arms == (Arm("no_action", None),)
    np.testing.assert_array_equal(made.delivery_cost, [0])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("orders_82d > 1", "action 'thank_you', eligible: .*orders_82d.*orders_28d"),
        ("lifecycle_stage > 3", "action 'thank_you', eligible: .*lifecycle_stage"),
        ("orders_28d >", "action 'thank_you', eligible: "),
        ("__import__('os')", "action 'thank_you', eligible: "),
    ],
)
def test_a_wrong_rule_names_its_action_and_what_would_be_right(rule, said):
    with pytest.raises(ProgramError, match=f"(?s){said}"):
        parsed(action("fine"), action(eligible=rule))


def test_rules_may_use_features_predictions_and_stages():
    made = parsed(
        action(eligible="orders_28d > 1 and churn_probability < 0.5 and lifecycle_stage == 'new'")
    )
    columns = {
        "orders_28d": np.array([2.0, 2.0, 0.0]),
        "churn_probability": np.array([0.1, np.nan, 0.1]),
        "lifecycle_stage": np.full(3, LIFECYCLE_STAGES.index("new"), np.float64),
    }
    assert made.eligible(columns)[:, 1].tolist() == [True, False, False]
    assert made.eligible(columns)[:, 0].all(), "nobody is excluded from no action"


def test_declared_effects_are_shares_by_stage_times_the_channels_factor():
    effects = declared_effects(
        [
            action(
                channels=("email", "sms"),
                effect=EffectPrior(share=0.1, sd=0.02, by_stage={"loyal": 0.2, "lost": -0.1}),
                channel_effect={"sms": 1.5},
            )
        ]
    )
    assert effects.arms == (("thank_you", "email"), ("thank_you", "sms"))
    np.testing.assert_array_equal(effects.sd, [0.02, 0.02])
    new, loyal, lost, unknown = 0.0, 2.0, 5.0, np.nan
    np.testing.assert_allclose(
        effects.shares(np.array([new, loyal, lost, unknown])),
        [[0.1, 0.15], [0.2, 0.3], [-0.1, -0.15], [0.1, 0.15]],
        rtol=1e-15,
    )
