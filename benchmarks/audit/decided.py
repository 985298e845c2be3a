"""A simulated business with some constraints, its models, and decisions kept in its ledger."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from command import bocian
from frame import tell
from shop import scenario

from bocian import wiring
from bocian.settings import load
from serving.engine import DecisionEngine
from serving.record import Decided, stored

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "10_000"))
AT_ONCE = 500

MORE = """
[profiles]
files = { people = "truth.parquet" }
query = '''
SELECT customer_id, CASE WHEN hash(customer_id) % 3 = 0 THEN 'en' ELSE 'pl' END AS language,
    CASE WHEN hash(customer_id) % 5 = 0 THEN 'America/New_York' ELSE 'UTC' END AS time_zone,
    'a@bocian.invalid' AS email, '+48555010000' AS phone, NULL AS push_token FROM people
'''

[consents]
files = { people = "truth.parquet" }
query = '''
SELECT customer_id, 'marketing' AS purpose, channel, true AS given,
    TIMESTAMP '2020-01-01' AS given_at, 'a form' AS means, 'consent' AS legal_basis
FROM (SELECT customer_id, UNNEST(['email', 'sms']) AS channel FROM people)
WHERE hash(customer_id || channel) % 4 <> 0
'''

[training]
trials = 0
threads = 2
dates = 6

[policy]
secret = "the secret of a benchmark"
action_floor = 0.1
"""

ACTION = """
[[actions]]
id = "action_{number}"
description = "the action of number {number}"
channels = ["email", "sms"]
eligible = "orders_364d >= {number} and churn_probability > {risk}"
cost_minor = {cost}
effect = {{ share = {share}, by_stage = {{ loyal = {loyal}, at_risk = {at_risk} }} }}
channel_effect = {{ sms = 1.1 }}
"""


def business(folder: Path) -> DecisionEngine:
    """The decision engine of the business, which is made where it is not there yet."""
    made = folder / f"business-{CUSTOMERS}"
    if not (made / "made").exists():
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        (made / "scenario.toml").write_text(
            scenario(history_days=364, outcome_days=56, orders_a_day=0.02, slots=3)
        )
        bocian("simulate", made / "scenario.toml", "--out", made, "--customers", str(CUSTOMERS))
        config = made / "bocian.toml"
        simulated = config.read_text().split("\n[[actions]]")[0]
        config.write_text(simulated + MORE + "".join(map(_action, range(4))))
        bocian("ingest", "--config", config)
        bocian("train", "--config", config, allowed=(0, 3))
        (made / "made").touch()
    return wiring.engine(load(made / "bocian.toml"))


def decisions(engine: DecisionEngine) -> Iterator[dict[str, Any]]:
    """The stored decision of each customer, as the ledger gives it back."""
    ids, slot = engine.store.customer_ids, engine.slot()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        if engine.ledger.decisions.find(some[-1], slot.policy_epoch, slot.name) is None:
            for record in engine.preview(some):
                engine.ledger.decisions.put(stored(Decided.of(record), slot))
        tell({"decided": start + len(some)})
        for customer in some:
            found = engine.ledger.decisions.find(customer, slot.policy_epoch, slot.name)
            yield orjson.loads(found.record)


def _action(number: int) -> str:
    """Unlike the others in effect, cost and whom it is for."""
    return ACTION.format(
        number=number,
        risk=0.05 * number,
        cost=20 * number,
        share=0.05 + 0.02 * number,
        loyal=0.08 - 0.02 * number,
        at_risk=0.06 + 0.03 * number,
    )
