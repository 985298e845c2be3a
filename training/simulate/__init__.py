"""Customers with known truth: drawn from a scenario, contacted by a known policy, told as events.

    scenario = Scenario.read(path)
    population = draw(scenario)
    played = log(population)
    for batch in events(population, played): ...

docs/simulator.md has the formulas.
"""

from training.simulate.cycles import Cycle, retrain
from training.simulate.events import NOW_US, events
from training.simulate.log import Log, Played, log
from training.simulate.loop import Round, Seen, unattended
from training.simulate.policies import Policy, logging_policy
from training.simulate.population import Population, draw, slot_days
from training.simulate.rows import SOURCE
from training.simulate.scenario import DRIVERS, Scenario, ScenarioError
from training.simulate.sends import Sends, draw_sends
from training.simulate.state import COVARIATES, MARGIN, State, net_values, state
from training.simulate.tables import customer_ids, decisions, truth

__all__ = [
    "COVARIATES",
    "DRIVERS",
    "MARGIN",
    "NOW_US",
    "SOURCE",
    "Cycle",
    "Log",
    "Played",
    "Policy",
    "Population",
    "Round",
    "Scenario",
    "ScenarioError",
    "Seen",
    "Sends",
    "State",
    "customer_ids",
    "decisions",
    "draw",
    "draw_sends",
    "events",
    "log",
    "logging_policy",
    "net_values",
    "retrain",
    "slot_days",
    "state",
    "truth",
    "unattended",
]
