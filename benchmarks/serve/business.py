"""The business that is served: about 300 events a customer, ten actions, models of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from command import bocian
from shop import scenario

CUSTOMERS, ACTIONS, ORDERS_A_DAY = 6_000, 10, 0.2
_SCENARIO = scenario(history_days=364, outcome_days=56, orders_a_day=ORDERS_A_DAY, slots=3)
_MORE = """
[profiles]
files = { people = "people.parquet" }
query = "SELECT * FROM people"

[consents]
files = { people = "people.parquet" }
query = '''
SELECT customer_id, 'marketing' AS purpose, UNNEST(['email', 'sms']) AS channel, true AS given,
    TIMESTAMP '2020-01-01' AS given_at, 'a form' AS means, 'consent' AS legal_basis FROM people
'''

[training]
trials = 0
threads = 2
dates = 5
bootstrap = 100
"""


def made(folder: Path) -> Path:
    """Its `bocian.toml`; simulated, ingested and trained where that was not done before."""
    business = folder / f"business-{CUSTOMERS}-{ORDERS_A_DAY}"
    config = business / "bocian.toml"
    if (business / "made").exists():
        return config
    shutil.rmtree(business, ignore_errors=True)
    business.mkdir(parents=True)
    (business / "scenario.toml").write_text(_SCENARIO)
    bocian("simulate", business / "scenario.toml", "--out", business,
            "--customers", str(CUSTOMERS))  # fmt: skip
    simulated = config.read_text().split("\n[[actions]]")[0]
    config.write_text(simulated + _MORE + "".join(map(_action, range(ACTIONS))))
    ids = pq.read_table(business / "truth.parquet", columns=["customer_id"])["customer_id"]
    people = {
        "customer_id": ids,
        "language": pa.repeat("en", len(ids)),
        "time_zone": pa.repeat("UTC", len(ids)),
        "email": pa.repeat("a@bocian.invalid", len(ids)),
        "phone": pa.repeat("+48555010000", len(ids)),
        "push_token": pa.nulls(len(ids), pa.string()),
    }
    pq.write_table(pa.table(people), business / "people.parquet")
    bocian("ingest", "--config", config)
    bocian("train", "--config", config, allowed=(0, 3))  # 3: a gate refused it
    (business / "made").touch()
    return config


def _action(number: int) -> str:
    return f"""
[[actions]]
id = "action_{number}"
description = "the action of number {number}"
channels = ["{"sms" if number % 2 else "email"}"]
eligible = "orders_364d >= {number % 3} and churn_probability > {0.01 * number:.2f}"
cost_minor = {2 * number}
effect = {{ share = 0.{number + 4:02}, by_stage = {{ loyal = 0.{13 - number:02} }} }}
"""
