"""A simulated business with an action that works for some, and one that works for nobody."""

from __future__ import annotations

import tomllib

from training.simulate import Scenario

SHOP = """
customers = 5_000
seed = 5
history_days = 210
horizon_days = 60
outcome_days = 30
risk_effect_correlation = 0.2
spend = {shape = 3.0, mean = 4500, order_noise = 0.6}
rhythm = {rate_mean_per_day = 0.03, rate_cv = 1.2, hazard_mean_per_day = 0.003, hazard_cv = 1.0, cadence_drift = 0.1}
hours = {habits = [{share = 1.0, peak_hour = 19}], order_hours_tell = 0.5}
fatigue = {per_message = 0.0, recovery_days = 14}
logging = {kind = "uniform", floor = 0.1, slots = 3, holdout = 0.05, quiet_cohort = 0.05, send_hour_mode = 9, send_hour_explored = 0.05}
groups = {shares = {a = 0.6, b = 0.4}, base_rate_ratio = 1.0, allocation_ratio = 1.0}
late = {share = 0.0, days = 0}
[[actions]]
id = "discount"
channel = "email"
cost = 20
effect_mean = 0
effect_sd = 0
effect_on = "margin"
effect_drivers = ["price_sensitivity"]
outcome_noise_sd = 400
[[actions]]
id = "call"
channel = "call_center"
cost = 400
effect_mean = 100
effect_sd = 600
effect_on = "margin"
effect_drivers = ["complaints"]
outcome_noise_sd = 400
"""  # noqa: E501
SCENARIO = Scenario.from_dict(tomllib.loads(SHOP))
