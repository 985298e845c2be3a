"""`bocian report holdout`: everybody counts as they were drawn, decided about or not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from processes import own_copy

from bocian import wiring
from bocian.commands import report
from features.clock import DAY_US, to_us
from features.events import TYPE_CODE
from serving.ledger.decisions import StoredDecision
from serving.policy.exploration import held_out

pytestmark = pytest.mark.e2e
DAYS = 60


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory):
    return own_copy(shop, tmp_path_factory.mktemp("report") / "shop")


def decided(own, customer, stratum):
    ledger = wiring.ledger(own.settings)
    ledger.decisions.put(
        StoredDecision(
            decision_id=f"made-for-{customer}",
            customer_id=customer,
            policy_epoch="before",
            slot="first",
            decided_at_us=to_us(own.settings.now) - DAYS * DAY_US,
            action_id="no_action",
            channel=None,
            send_at_us=None,
            valid_until_us=to_us(own.settings.now),
            propensity=1.0,
            marginal_propensity=1.0,
            explored=False,
            stratum=stratum,
            bundle_digest="0",
            record="{}",
        )
    )
    ledger.close()


def test_a_programme_is_reported_from_its_first_decision(own, capsys):
    with pytest.raises(LookupError, match="needs decisions and some time since, got: no decision"):
        report.holdout(own.settings, as_json=False)

    policy = own.settings.policy
    secret, share = policy.secret.get_secret_value().encode(), policy.holdout_share
    store = wiring.event_store(own.settings)
    drawn = held_out(store.customer_ids, secret=secret, share=share)
    held = dict(zip(store.customer_ids, drawn.tolist(), strict=True))
    main = next(c for c in store.customer_ids if not held[c])
    decided(own, main, "main")
    found = report.holdout(own.settings, as_json=True)
    assert json.loads(capsys.readouterr().out) == found
    assert found["days"] == DAYS

    start = to_us(own.settings.now) - DAYS * DAY_US
    spend = {True: [], False: []}
    for block in store.blocks():
        order = block.type == TYPE_CODE["order"]
        for i, customer in enumerate(block.customer_ids):
            theirs = np.arange(block.offsets[i], block.offsets[i + 1])
            at, value = block.occurred_at[theirs], block.measures[0][theirs]
            if (order[theirs] & (at < start)).any():
                since = order[theirs] & (at >= start)
                spend[held[customer]].append(value[since].sum())
    margin = found["margin_minor"]
    assert margin["main_customers"] == len(spend[False])
    assert margin["holdout_customers"] == len(spend[True]) >= 2
    expected = np.mean(spend[False]) - np.mean(spend[True])
    assert margin["difference"]["value"] == pytest.approx(expected * own.settings.business.margin)
    assert 0 < found["retention"]["main_mean"] <= 1
    report.holdout(own.settings, as_json=False)
    told = capsys.readouterr().out
    assert "never contacted" in told
    assert "detectable" in told


def test_another_holdout_than_the_one_that_was_kept_is_refused(own):
    policy = own.settings.policy
    secret, share = policy.secret.get_secret_value().encode(), policy.holdout_share
    store = wiring.event_store(own.settings)
    held = held_out(store.customer_ids, secret=secret, share=share)
    main = store.customer_ids[np.flatnonzero(~held)[1]]
    decided(own, main, "holdout")
    with pytest.raises(ValueError, match="got: another stratum for 1 customers; secret or"):
        report.holdout(own.settings, as_json=False)
