"""Bar 8: does chance choose as often as the log says, and is a slot's answer given once?

A million decisions are drawn in each of two ways: many slots of a few customers, judged by
P(arm, hour | x, stratum); one slot of many customers with holdout and quiet cohort, judged by
P(arm, hour | x) over all strata. Prices keep a budget in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell
from scipy.stats import chi2

from serving.policy.arrays import FloatArray
from serving.policy.choices import Choices
from serving.policy.exploration import Exploration
from serving.policy.policy import decide
from serving.policy.prices import dual_prices
from serving.policy.problem import HOUR_BLOCKS, NO_ACTION, Arm, Problem
from serving.policy.reasons import Reason, mask

ARMS, BATCH, BATCHES = 6, 5_000, 200
LEAST_P = 0.001
CHANCE = Exploration(
    secret=b"a benchmark's secret",
    policy_epoch="e1",
    slot="s",
    quiet_epoch="q1",
    action_floor=0.1,
    hour_floor=0.2,
    holdout_share=0.05,
    quiet_share=0.1,
)
Block = tuple[Problem, Choices]


def bar_8(folder: Path) -> Bar:
    """The lesser p-value of a chi-square test counts, over arms and hours and over arms alone."""
    figures = {
        "slots": judged(many_slots(), folder / "propensities-slots.parquet", marginal=False),
        "customers": judged(many_customers(), folder / "propensities-customers.parquet",
                            marginal=True),
    }  # fmt: skip
    asked = asked_again()
    least = min(p for of in figures.values() for p in (of["p_arms"], of["p_hours"]))
    return Bar(
        value={"p": least, "answers_of_100": asked, **figures},
        bar=f"p at least {LEAST_P}, a million decisions each; 1 answer where 100 times is asked",
        met=least >= LEAST_P and asked == 1,
    )


def many_slots() -> Iterator[Block]:
    """200 slots of the same 5,000 customers, priced once for all; nobody is held out."""
    problem, chance = priced(a_problem(0)), replace(CHANCE, holdout_share=0.0, quiet_share=0.0)
    for slot in range(BATCHES):
        yield problem, decide(problem, replace(chance, slot=str(slot)))


def many_customers() -> Iterator[Block]:
    """200 batches of 5,000 customers each in one slot, holdout and quiet cohort drawn as well."""
    prices = priced(a_problem(0)).prices
    for batch in range(BATCHES):
        problem = replace(a_problem(batch), prices=prices)
        yield problem, decide(problem, CHANCE)


def judged(blocks: Iterator[Block], path: Path, *, marginal: bool) -> dict[str, float]:
    """Compare what was drawn with its probabilities, and keep both."""
    arms, hours = Tally(ARMS), Tally(HOUR_BLOCKS)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    explored = held = rows = 0
    for problem, choices in blocks:
        chances = choices.marginal_action_propensity if marginal else choices.action_propensity
        arms.add(choices.arm, chances)
        sent = choices.arm > 0
        hours.add(choices.hour_block[sent], choices.hour_propensity[sent])
        explored += int(choices.explored.sum())
        held += sum(stratum != "main" for stratum in choices.stratum)
        rows += len(choices.arm)
        table = pa.table(
            {
                "customer_id": problem.customer_ids,
                "arm": choices.arm,
                "hour_block": choices.hour_block,
                "stratum": [stratum.value for stratum in choices.stratum],
                "propensity": choices.propensity,
                "marginal_propensity": choices.marginal_propensity,
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    figures = {
        "p_arms": arms.p_value(),
        "p_hours": hours.p_value(),
        "decisions": rows,
        "explored": explored / rows,
        "not_main": held / rows,
    }
    tell({path.stem: figures})
    return figures


class Tally:
    """How often each option was drawn beside how often it was to be.

    Rows have probabilities of their own, so that the covariance of the counts is the sum of
    diag(p) - p pᵀ; the statistic is the counts' error in that metric, chi-square with as many
    degrees of freedom as the covariance has ranks.
    """

    def __init__(self, options: int) -> None:
        """Nothing is drawn yet."""
        self.error = np.zeros(options)
        self.covariance = np.zeros((options, options))

    def add(self, drawn: np.ndarray, chances: FloatArray) -> None:
        """Count draws [n] whose probabilities were `chances` [n, options]."""
        self.error += np.bincount(drawn, minlength=len(self.error)) - chances.sum(axis=0)
        self.covariance += np.diag(chances.sum(axis=0)) - chances.T @ chances

    def p_value(self) -> float:
        """Chance of an error as large if draws are as their probabilities say."""
        inverse = np.linalg.pinv(self.covariance, rcond=1e-9, hermitian=True)
        freedom = np.linalg.matrix_rank(self.covariance, rtol=1e-9, hermitian=True)
        return float(chi2.sf(self.error @ inverse @ self.error, freedom))


def asked_again() -> int:
    """How many different answers one customer gets who is asked for 100 times in a slot."""
    problem = a_problem(0)
    found = (decide(problem, CHANCE) for _ in range(100))
    return len({(int(c.arm[7]), int(c.hour_block[7]), float(c.propensity[7])) for c in found})


def priced(problem: Problem) -> Problem:
    """The problem at prices that keep half of what it would use without."""
    free = decide(problem, CHANCE)
    wanted = (free.action_propensity @ problem.use).sum(axis=0)
    prices = dual_prices(
        free.value, problem.use, wanted / 2, free.feasible, action_floor=CHANCE.action_floor
    ).prices
    return replace(problem, prices=prices)


def a_problem(number: int) -> Problem:
    """5,000 customers with closed arms, closed hours and hours that matter."""
    rng = np.random.default_rng(number)
    shape = (BATCH, ARMS)
    effect = rng.normal(50, 150, shape)
    suppressed = np.where(rng.random(shape) < 0.2, mask(Reason.NO_CONSENT), mask())
    use = np.random.default_rng(0).choice([0.0, 1.0, 3.0], (ARMS, 2))
    effect[:, 0], suppressed[:, 0], use[0] = 0, 0, 0
    return Problem(
        customer_ids=tuple(f"c{number * BATCH + i}" for i in range(BATCH)),
        arms=(Arm(NO_ACTION, None), *(Arm(f"a{i}", "email") for i in range(1, ARMS))),
        effect=effect,
        timing=rng.uniform(0.5, 2.0, (BATCH, HOUR_BLOCKS)),
        delivery_cost=np.zeros(ARMS),
        contact_cost=np.zeros(shape),
        lever=np.ones(shape),
        use=use,
        resources=("sends", "minutes"),
        prices=np.zeros(2),
        suppressed=suppressed,
        hour_feasible=rng.random((ARMS, HOUR_BLOCKS)) < 0.7,
    )
