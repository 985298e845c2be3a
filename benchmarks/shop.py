"""The simulated business of benches that need many customers and not much of a truth."""

from __future__ import annotations

_SCENARIO = """
customers = 1000
seed = 7
history_days = {history_days}
horizon_days = 28
outcome_days = {outcome_days}
risk_effect_correlation = 0.2

[spend]
shape = 3.0
mean = 4500
order_noise = 0.6

[rhythm]
rate_mean_per_day = {orders_a_day}
rate_cv = 0.9
hazard_mean_per_day = 0.002
hazard_cv = 1.0
cadence_drift = 0.1

[hours]
habits = [{{share = 0.5, peak_hour = 19}}, {{share = 0.5, peak_hour = 9}}]
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
slots = {slots}
holdout = 0.05
quiet_cohort = 0.05
send_hour_mode = 9
send_hour_explored = 0.05

[groups]
shares = {{a = 0.6, b = 0.4}}
base_rate_ratio = 1.0
allocation_ratio = 1.0

[late]
share = 0.02
days = 3
"""


def scenario(*, history_days: int, outcome_days: int, orders_a_day: float, slots: int) -> str:
    """For `bocian simulate`, which is told the number of customers: days, and decisions each."""
    return _SCENARIO.format(
        history_days=history_days,
        outcome_days=outcome_days,
        orders_a_day=orders_a_day,
        slots=slots,
    )
