"""A small world for tests of the simulator, with every key of a scenario."""

from __future__ import annotations

import tomllib
from typing import Any

from training.simulate import Scenario

WORLD = """
customers = 40_000
seed = 5
history_days = 400
horizon_days = 60
outcome_days = 60
risk_effect_correlation = 0.3
[spend]
shape = 3.0
mean = 4500
order_noise = 0.6
[rhythm]
rate_mean_per_day = 0.03
rate_cv = 1.2
hazard_mean_per_day = 0.003
hazard_cv = 1.0
cadence_drift = 0.1
[hours]
habits = [
    {share = 0.5, peak_hour = 19},
    {share = 0.3, peak_hour = 12},
    {share = 0.2, peak_hour = 8},
]
order_hours_tell = 0.8
[[actions]]
id = "discount"
channel = "email"
cost = 15
effect_mean = -5
effect_sd = 400
effect_on = "margin"
effect_drivers = ["price_sensitivity", "days_since_last_order"]
outcome_noise_sd = 2000
[[actions]]
id = "call"
channel = "call_center"
cost = 600
effect_mean = 250
effect_sd = 1500
effect_on = "hazard"
effect_drivers = ["complaints", "monetary_value", "category_entropy"]
outcome_noise_sd = 2000
[fatigue]
per_message = 0.03
recovery_days = 14
[logging]
kind = "uniform"
floor = 0.1
slots = 3
holdout = 0.05
quiet_cohort = 0.08
send_hour_mode = 9
send_hour_explored = 0.2
[groups]
shares = {a = 0.6, b = 0.4}
base_rate_ratio = 1.3
allocation_ratio = 1.0
[late]
share = 0.03
days = 5
"""


def world(**changed: Any) -> Scenario:
    """The world, other where it is said: `logging={"kind": ...}` changes one key of a section."""
    stated = tomllib.loads(WORLD)
    for key, value in changed.items():
        stated[key] = stated[key] | value if isinstance(value, dict) else value
    return Scenario.from_dict(stated)
