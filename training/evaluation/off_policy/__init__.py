"""The value of a policy that did not run, from the log of one that did.

    log = Log(actions, rewards, customers, feasible, logging_policy)
    predictions = cross_fitted(log, features, regression, seed=0)
    target = Overlap(log, target_policy)
    evaluate(target, predictions)
    judge(target, Overlap(log, incumbent), predictions, Bounds(margin=1.0), ...)

docs/policy-evaluation.md has the formulas and what to watch for.
"""

from training.evaluation.off_policy.baselines import (
    at_random,
    everyone,
    highest_risk_first,
    nobody,
)
from training.evaluation.off_policy.crossfit import Regression, cross_fitted
from training.evaluation.off_policy.gate import Answer, Bounds, Judgement, judge
from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Clipping, Overlap
from training.evaluation.off_policy.report import Evaluation, by_segment, difference, evaluate

__all__ = [
    "Answer",
    "Bounds",
    "Clipping",
    "Evaluation",
    "Judgement",
    "Log",
    "Overlap",
    "Regression",
    "at_random",
    "by_segment",
    "cross_fitted",
    "difference",
    "evaluate",
    "everyone",
    "highest_risk_first",
    "judge",
    "nobody",
]
