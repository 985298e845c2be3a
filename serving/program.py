"""The declared actions and channels, parsed: the arms that a policy chooses among."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from features.catalogue.tenure import LIFECYCLE_STAGES
from models.effects import DeclaredEffects
from serving.config import Action, Channel, ChannelCost, Purpose
from serving.policy.problem import NO_ACTION, Arm
from serving.rules import Rule, RuleError, Rules, parse, together

_ACTIONS = TypeAdapter(tuple[Action, ...])
_CHANNELS = TypeAdapter(dict[Channel, ChannelCost])
TEXT_COLUMNS = ("lifecycle_stage",)
PREDICTIONS = ("churn_probability", "expected_margin")


class ProgramError(ValueError):
    """The declared actions do not fit the features, or one another."""


@dataclass(frozen=True)
class Program:
    """Actions with their rules, channels with their costs."""

    actions: Mapping[str, Action]
    channels: Mapping[Channel, ChannelCost]
    rules: Mapping[str, Rule]

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """`no_action`, then each action on each of its channels, as declared."""
        return (
            Arm(NO_ACTION, None),
            *(Arm(a.id, c.value) for a in self.actions.values() for c in a.channels),
        )

    @cached_property
    def asked(self) -> tuple[tuple[Purpose, str], ...]:
        """For which purposes on which channels a customer's consent is asked."""
        return tuple(dict.fromkeys(map(self._asked, self.arms[1:])))

    @cached_property
    def asked_of(self) -> NDArray[np.int64]:
        """Shape (arms - 1,): which of `asked` each arm but `no_action` needs."""
        return np.array([self.asked.index(self._asked(arm)) for arm in self.arms[1:]], np.int64)

    @cached_property
    def action_of(self) -> NDArray[np.int64]:
        """Shape (arms - 1,): which action each arm but `no_action` is of, as declared."""
        order = list(self.actions)
        return np.array([order.index(arm.action_id) for arm in self.arms[1:]], np.int64)

    @cached_property
    def offers(self) -> Mapping[str, dict[str, Any] | None]:
        """Each action's offer as plain data."""
        return {
            a.id: a.offer.model_dump(mode="json") if a.offer else None
            for a in self.actions.values()
        }

    @cached_property
    def read(self) -> frozenset[str]:
        """The columns that rules read."""
        return frozenset().union(*(rule.names for rule in self.rules.values()))

    @cached_property
    def eligible(self) -> Rules:
        """Each arm's rule; `no_action` is for everyone. Stages of life are told by their codes."""
        anyone = parse("True", {})
        rules = (anyone, *(self.rules[arm.action_id] for arm in self.arms[1:]))
        return together(rules, LIFECYCLE_STAGES)

    @cached_property
    def purposes(self) -> frozenset[Purpose]:
        """For which purposes consent is asked at all."""
        return frozenset(purpose for purpose, _ in self.asked)

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """The names of what actions use up, sorted."""
        return tuple(sorted({name for a in self.actions.values() for name in a.uses}))

    @cached_property
    def use(self) -> NDArray[np.float64]:
        """Shape (arms, resources): how much one choice of the arm uses up."""
        rows = [[0.0] * len(self.resources)]
        for arm in self.arms[1:]:
            uses = self.actions[arm.action_id].uses
            rows.append([uses.get(name, 0.0) for name in self.resources])
        return np.array(rows, np.float64).reshape(len(self.arms), len(self.resources))

    @cached_property
    def delivery_cost(self) -> NDArray[np.float64]:
        """Shape (arms,): the action's own cost and the channel's, minor units."""
        costs = [
            self.actions[arm.action_id].cost_minor + self._channel(arm).delivery_cost_minor
            for arm in self.arms[1:]
        ]
        return np.array([0.0, *costs])

    @cached_property
    def contact_cost(self) -> NDArray[np.float64]:
        """Shape (arms,): what a first message costs in patience, minor units."""
        return np.array([0.0, *(self._channel(a).contact_cost_minor for a in self.arms[1:])])

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """Shape (arms,): the lever on each action, 1 for `no_action`."""
        return np.array([1.0, *(self.actions[arm.action_id].weight for arm in self.arms[1:])])

    @cached_property
    def quiet_hours_apply(self) -> NDArray[np.bool_]:
        """Shape (arms,): whether the channel keeps quiet hours."""
        return np.array([False, *(self._channel(a).quiet_hours_apply for a in self.arms[1:])])

    def _asked(self, arm: Arm) -> tuple[Purpose, str]:
        return self.actions[arm.action_id].purpose, str(arm.channel)

    def _channel(self, arm: Arm) -> ChannelCost:
        return self.channels.get(Channel(str(arm.channel)), ChannelCost())


def program(policy: Mapping[str, Any], features: Sequence[str]) -> Program:
    """Parse what a bundle or the settings declare.

    Args:
        policy: `actions` and `channels`, as plain data.
        features: Names that rules may use beside the predictions.

    Raises:
        ProgramError: Naming the action whose rule is wrong.
    """
    actions = {a.id: a for a in _ACTIONS.validate_python(policy["actions"])}
    types: dict[str, type] = dict.fromkeys((*features, *PREDICTIONS), float)
    types |= dict.fromkeys(TEXT_COLUMNS, str)
    rules = {}
    for action in actions.values():
        try:
            rules[action.id] = parse(action.eligible, types)
        except RuleError as error:
            raise ProgramError(f"action {action.id!r}, eligible: {error}") from error
    return Program(actions, _CHANNELS.validate_python(policy["channels"]), rules)


def policy_document(
    actions: Sequence[Action], channels: Mapping[Channel, ChannelCost]
) -> dict[str, Any]:
    """What `program` parses, as plain data for a bundle."""
    return {
        "actions": [a.model_dump(mode="json") for a in actions],
        "channels": {c.value: cost.model_dump(mode="json") for c, cost in channels.items()},
    }


def declared_effects(actions: Sequence[Action]) -> DeclaredEffects:
    """The actions' priors as the effects model of a bundle."""
    arms = tuple((a.id, c.value) for a in actions for c in a.channels)
    share = [
        [
            a.channel_effect.get(c, 1.0) * a.effect.by_stage.get(stage, a.effect.share)
            for stage in LIFECYCLE_STAGES
        ]
        + [a.channel_effect.get(c, 1.0) * a.effect.share]
        for a in actions
        for c in a.channels
    ]
    spread = [a.effect.sd for a in actions for _ in a.channels]
    width = len(LIFECYCLE_STAGES) + 1
    return DeclaredEffects(arms, np.array(share).reshape(len(arms), width), np.array(spread))
