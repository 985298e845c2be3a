"""Bar 7: a million customers, ten actions on two channels each, decided for on two cores.

The command line is timed as a business would run it: events from the store, features, predictions,
effects, consents and contacts from the ledger, prices, choices, Parquet. The business is
simulated; its models were learned from a fiftieth of it. What is made stays in the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1_000_000"))
LEARNED_FROM = 20_000
ACTIONS = 10
PER_SECOND, GIBIBYTES = 10_000, 6.0

SCENARIO = """
customers = 1000000
seed = 7
history_days = 364
horizon_days = 28
outcome_days = 56
risk_effect_correlation = 0.2

[spend]
shape = 3.0
mean = 4500
order_noise = 0.6

[rhythm]
rate_mean_per_day = 0.02
rate_cv = 0.9
hazard_mean_per_day = 0.002
hazard_cv = 1.0
cadence_drift = 0.1

[hours]
habits = [{share = 0.5, peak_hour = 19}, {share = 0.5, peak_hour = 9}]
order_hours_tell = 0.8

[[actions]]
id = "reminder"
channel = "email"
cost = 1
effect_mean = 20
effect_sd = 100
effect_on = "margin"
effect_drivers = ["price_sensitivity", "days_since_last_order"]
outcome_noise_sd = 2000

[fatigue]
per_message = 0.03
recovery_days = 14

[logging]
kind = "uniform"
floor = 0.1
slots = 3
holdout = 0.05
quiet_cohort = 0.05
send_hour_mode = 9
send_hour_explored = 0.05

[groups]
shares = {a = 0.6, b = 0.4}
base_rate_ratio = 1.0
allocation_ratio = 1.0

[late]
share = 0.02
days = 3
"""

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


@dataclass(frozen=True)
class Spent:
    """What a command took: wall-clock seconds, the most memory it held, what it printed."""

    seconds: float
    gibibytes: float
    printed: dict[str, Any]


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
    budget = MORE.format(sends=customers // 3, minutes=customers // 50)
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


def bocian(*words: str | Path, allowed: Sequence[int] = (0,)) -> Spent:
    """Run the command line; the peak is the system's own account of the process."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("bocian"), *words, "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode not in allowed:
        raise SystemExit(f"bocian {words[0]} ended with exit code {process.returncode}")
    peak = usage.ru_maxrss / 2**20
    tell({f"bocian {words[0]}": round(seconds, 1), "peak_gib": round(peak, 2)})
    return Spent(seconds, peak, json.loads(printed))
