"""What contact brings: messages, what people do with them, and the money that an action changed."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.events import CHANNELS
from training.simulate.log import Played
from training.simulate.population import Population, slot_days
from training.simulate.rows import MINUTE, Rows, rows
from training.simulate.state import MARGIN

_CLICKS: Final = 0.3
_WEB: Final = CHANNELS.index("web")


def messages(
    population: Population, here: slice, played: Played, rng: np.random.Generator
) -> list[Rows]:
    """Each message at its hour; who engages opens it within hours, and some click."""
    scenario = population.scenario
    who = np.flatnonzero(played.arm[here])
    action = played.arm[here][who] - 1
    channel = np.array([CHANNELS.index(a.channel) for a in scenario.actions])[action]
    day = slot_days(scenario)[played.slot]
    sent = day + (played.hour[here][who] + rng.random(len(who))) / 24
    opened = sent + rng.exponential(1 / 24, len(who))
    engaged = played.engaged[here][who]
    clicked = engaged & (rng.random(len(who)) < _CLICKS)
    return [
        rows(
            type_,
            who[which],
            when[which],
            channel=channel[which],
            action=action[which],
            slot=played.slot,
        )
        for type_, which, when in (
            ("message_sent", np.ones(len(who), np.bool_), sent),
            ("message_opened", engaged, opened),
            ("message_clicked", clicked, opened + MINUTE),
        )
    ]


def responses(
    population: Population, here: slice, played: Played, rng: np.random.Generator
) -> list[Rows]:
    """What actions changed in the margin, as orders that they brought or that came back.

    A change c of margin is c / 0.3 of spend. It comes as one order (a return where c < 0) of the
    customer's usual value v, or of the change where that is more, with the probability
    min(1, |c| / 0.3 v): so the expected margin of orders less returns changes by c. An action on
    the order rate or the margin brings it at any time of the outcome window, one on the hazard in
    the second half: the customer is there for longer.
    """
    scenario = population.scenario
    on_hazard = np.array([False, *(a.effect_on == "hazard" for a in scenario.actions)])
    spend = played.changed[here] / MARGIN
    usual = population.monetary_value[here]
    comes = rng.random(len(spend)) * usual < np.abs(spend)
    value = np.maximum(1, np.rint(np.maximum(usual, np.abs(spend)))).astype(np.int64)
    passed = rng.uniform(np.where(on_hazard[played.arm[here]], 0.5, 0), 1)
    # After the message, which may go out at any hour of the first day.
    when = slot_days(scenario)[played.slot] + 1 + (scenario.outcome_days - 1) * passed
    found = []
    for type_, which in (("order", comes & (spend > 0)), ("order_return", comes & (spend < 0))):
        who = np.flatnonzero(which)
        found.append(rows(type_, who, when[who], channel=_WEB, value_minor=value[who], quantity=1))
    return found
