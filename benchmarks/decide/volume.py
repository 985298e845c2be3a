"""Bar 7: a million customers, ten actions on two channels each, decided for on two cores.

The command line is timed as a business would run it: events from the store, features, predictions,
effects, consents and contacts from the ledger, prices, choices, Parquet. The business is
simulated; its models were learned from a fiftieth of it. What is made stays in the folder.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from command import bocian
from frame import Bar
from shop import scenario

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1_000_000"))
LEARNED_FROM = 20_000
ACTIONS = 10
PER_SECOND, GIBIBYTES = 10_000, 6.0

SCENARIO = scenario(history_days=364, outcome_days=56, orders_a_day=0.02, slots=3)

MORE = """
[budget]
sends = {sends}
minutes = {minutes}

[profiles]
files = {{ people = "people.parquet" }}
query = "SELECT * FROM people"

[consents]
files = {{ people = "people.parquet" }}
query = '''
SELECT customer_id, 'marketing' AS purpose, UNNEST(['email', 'sms']) AS channel, true AS given,
    TIMESTAMP '2020-01-01' AS given_at, 'a form' AS means, 'consent' AS legal_basis FROM people
'''

[training]
trials = 0
threads = 2
dates = 6
"""


def bar_7(folder: Path) -> Bar:
    """Make the business once, then decide for everyone in it."""
    business = folder / f"business-{CUSTOMERS}"
    if not (business / "made").exists():
        make(business, folder / "sample")
    target = (folder / "volume.parquet").absolute()
    spent = bocian("decide", "--all", "--out", target, "--config", business / "bocian.toml")
    rows = spent.printed["rows"]
    per_second = rows / spent.seconds
    contacted = {c["action_id"]: c["customers"] for c in spent.printed["chosen"]}
    value = {
        "per_second": round(per_second),
        "peak_gib": round(spent.gibibytes, 2),
        "seconds": round(spent.seconds, 1),
        "customers": rows,
        "prices": spent.printed["prices"],
        "chosen": contacted,
    }
    return Bar(
        value=value,
        bar=f"per_second at least {PER_SECOND:,}, peak_gib at most {GIBIBYTES:g}, on two cores",
        met=per_second >= PER_SECOND and spent.gibibytes <= GIBIBYTES and rows >= 1_000_000,
    )


def make(business: Path, sample: Path) -> None:
    """A business whose customers have agreed to everything, and a bundle from a smaller one."""
    for folder, customers in ((business, CUSTOMERS), (sample, LEARNED_FROM)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        scenario = folder / "scenario.toml"
        scenario.write_text(SCENARIO)
        bocian("simulate", scenario, "--out", folder, "--customers", str(customers))
        declare(folder, customers)
        bocian("ingest", "--config", folder / "bocian.toml")
    bocian("train", "--config", sample / "bocian.toml", allowed=(0, 3))
    shutil.copytree(sample / "var" / "bundles", business / "var" / "bundles", dirs_exist_ok=True)
    (business / "made").touch()


def declare(folder: Path, customers: int) -> None:
    """Ten actions on two channels in place of the simulated one, a budget, profiles, consents."""
    config = folder / "bocian.toml"
    simulated = config.read_text().split("\n[[actions]]")[0]
    budget = MORE.format(sends=customers // 3, minutes=customers // 12)
    config.write_text(simulated + budget + "".join(map(action, range(ACTIONS))))
    ids = pq.read_table(folder / "truth.parquet", columns=["customer_id"])["customer_id"]
    people = {
        "customer_id": ids,
        "language": pa.repeat("en", len(ids)),
        "time_zone": pa.repeat("UTC", len(ids)),
        "email": pa.repeat("a@bocian.invalid", len(ids)),
        "phone": pa.repeat("+48555010000", len(ids)),
        "push_token": pa.nulls(len(ids), pa.string()),
    }
    pq.write_table(pa.table(people), folder / "people.parquet")


def action(number: int) -> str:
    """One action as the configuration declares it, unlike the others in effect, cost and use."""
    minutes = ", minutes = 3" if number % 4 == 0 else ""
    return f"""
[[actions]]
id = "action_{number}"
description = "the action of number {number}"
channels = ["email", "sms"]
eligible = "orders_364d >= {number % 3} and churn_probability > {0.02 * number:.2f}"
cost_minor = {2 * number}
uses = {{ sends = 1{minutes} }}
effect = {{ share = 0.{number + 4:02}, by_stage = {{ loyal = 0.{13 - number:02} }} }}
channel_effect = {{ sms = {0.8 + 0.05 * number:.2f} }}
"""
