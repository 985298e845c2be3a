"""`bocian train --effects`: what was decided and what came of it overrule a wrong belief."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from processes import own_copy
from small_shop import NOW, SPECIAL, Shop

from bocian import wiring
from bocian.commands import train
from bocian.commands.effects import told_by_ledger
from bocian.settings import load
from features.clock import DAY_US, fixed_clock, to_us
from features.incoming import Event
from serving.explain import explain
from serving.record import Decided, stored

THANKS = ("thank_you", "email")
TRUTH = 9_000
"""Margin that a thank-you brings: 30 % of an order of 300 euros."""

SLOTS = [NOW - dt.timedelta(days=back) for back in (44, 43, 42, 41)]


@pytest.fixture(scope="module")
def decided_shop(shop, tmp_path_factory) -> Shop:
    """Four days of decisions half of which were drawn; each thank-you by e-mail brought an order.

    The belief has it that a thank-you drives people away.
    """
    own = own_copy(shop, tmp_path_factory.mktemp("effects") / "shop")
    text = own.config.read_text()
    told = text.replace(
        "share = 0.05, sd = 0.02, by_stage = { loyal = 0.08 }", "share = -0.1, sd = 1.0"
    )
    assert told != text
    own.config.write_text(
        told.replace("[policy]", "[policy]\naction_floor = 0.6\nholdout_share = 0\nquiet_share = 0")
    )
    settings = load(own.config)
    engine, brought = wiring.engine(settings), []
    who = [c for c in engine.store.customer_ids if c not in SPECIAL]
    for now in SLOTS:
        then = replace(engine, clock=fixed_clock(now))
        for record in then.preview(who):
            engine.ledger.decisions.put(stored(Decided.of(record), then.slot()))
            if (record["action_id"], record["channel"]) == THANKS:
                at = to_us(now) + DAY_US
                name = f"{record['customer_id']}-{at}"
                money = {"value_minor": round(TRUTH / 0.3), "quantity": 1}
                brought.append(
                    Event(record["customer_id"], at, at, "thanks", name, "order", "web", **money)
                )
    wiring.event_log(engine.ledger).append(brought)
    engine.ledger.close()
    return Shop(own.folder, settings)


@pytest.mark.slow
def test_a_strong_effect_overrules_a_wrong_belief(decided_shop, tmp_path):
    settings = decided_shop.settings
    result = train.run(settings, force=False, promote=False, as_json=False, effects=True)
    assert result.trained is not None
    effects = result.trained.bundle.effects
    arm = effects.arms.index(THANKS)
    known = np.zeros((1, len(result.trained.bundle.features)))
    told = effects.measurement(arm, known)
    assert told.effect == pytest.approx(TRUTH, abs=4 * told.sd)
    assert told.sd < TRUTH / 8
    assert not told.personal
    stage, risk = np.zeros(1), np.array([0.5])
    belief = effects.declared.effect(stage, risk, np.array([1_000.0]))[0, arm]
    assert belief < 0 < effects.effect(stage, risk, np.array([1_000.0]), known)[0, arm]
    assert "the same for everyone" in result.effects["thank_you/email"]

    shelf = wiring.shelf(settings)
    result.trained.bundle.save(tmp_path / "bundle")
    loaded = shelf.get(shelf.put(tmp_path / "bundle"))
    shelf.point_to(loaded.digest)
    records = wiring.engine(settings).preview(wiring.event_store(settings).customer_ids)
    thanked = next(r for r in records if (r["action_id"], r["channel"]) == THANKS)
    why = explain(thanked, loaded)["why_action"]
    assert why["effect_basis"]["kind"] == "measured"
    sentences = why["sentences"]
    number = f"{told.decisions:,}"
    assert any(f"the effect was measured on {number} decisions" in s for s in sentences["en"])
    assert any("tyle samo dla każdego" in s for s in sentences["pl"])


@pytest.mark.slow
def test_the_same_decisions_are_learned_from_once(decided_shop):
    settings = decided_shop.settings
    again = train.run(settings, force=False, promote=False, as_json=False, effects=True)
    assert again.trained is None
    assert again.effects["learned from"].split()[1] == "decisions,"


def test_without_decisions_it_says_what_is_missing(shop):
    store = wiring.event_store(shop.settings)
    told, said = told_by_ledger(shop.settings, store, ("frequency",))
    assert told is None
    assert "effects are learned from 50 decisions" in said["declared as before"]
    assert "'thank_you/email': 0" in said["declared as before"]
