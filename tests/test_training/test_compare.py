"""Two bundles on the same rows: what is found, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import NOW

from features.catalogue import CATALOGUE
from features.zones import zone
from models.churn import Calibration
from training.compare import Compared, compare, verdict
from training.config import Horizons, Training
from training.evaluation.bootstrap import Estimate
from training.figures import Figure


@pytest.fixture(scope="module")
def beside(trained, shop_store):
    """`beside(one, other)` on the simulated shop, by figure."""

    def run(one, other):
        found = compare(
            one,
            other,
            store=shop_store,
            now=NOW,
            catalogue=CATALOGUE,
            wall=zone("Europe/Warsaw"),
            horizons=Horizons(churn_days=28, active_days=56, margin_days=56),
            training=Training(bootstrap=100),
        )
        return {c.figure.name: c for c in found}

    return run


def test_a_bundle_beside_itself_is_the_same_in_everything(beside, trained):
    found = beside(trained.bundle, trained.bundle)
    assert set(found) == {
        "churn AUC", "churn log-loss", "spend rank correlation", "spend RMSE",
        "spend bias, absolute", "send time log-likelihood",
    }  # fmt: skip
    assert {c.verdict for c in found.values()} == {"the same"}
    said = verdict(list(found.values()), "version 2", "version 1")
    assert said == "version 2 beside version 1: they predict the same."
    own = {f.name: f.model for f in trained.figures}
    assert found["churn AUC"].figure.model == pytest.approx(own["churn AUC"])
    assert found["spend RMSE"].figure.model == pytest.approx(own["spend RMSE, 56 days"])


def test_what_is_spoilt_is_found_and_nothing_else(beside, trained):
    """Risks turned around, spend tripled, hours that are anyone's."""
    good = trained.bundle
    uniform = np.full(168, 1 / 168)
    bad = replace(
        good,
        churn=replace(good.churn, calibration=Calibration(-1.0, 0.0)),
        clv=Tripled(good.clv),
        send_time=replace(good.send_time, population=uniform, strength=1e-6),
    )
    found = beside(bad, good)
    verdicts = {name: c.verdict for name, c in found.items()}
    assert verdicts == {
        "churn AUC": "worse", "churn log-loss": "worse", "spend rank correlation": "the same",
        "spend RMSE": "worse", "spend bias, absolute": "worse", "send time log-likelihood": "worse",
    }  # fmt: skip
    auc = found["churn AUC"].figure
    assert auc.model == pytest.approx(1 - auc.baseline)
    assert {c.verdict for c in beside(good, bad).values()} == {"better", "the same"}


class Tripled:
    """Expects three times what another expects."""

    def __init__(self, clv) -> None:
        self._clv = clv

    def expected_spend(self, features):
        return 3 * self._clv.expected_spend(features)


def one(name, gap, better):
    return Compared(Figure(name, 1.0, baseline=0.9, difference=Estimate(*gap)), better)


@pytest.mark.parametrize(
    ("gap", "better", "found"),
    [
        ((0.1, 0.05, 0.15), "higher", "better"),
        ((0.1, 0.05, 0.15), "lower", "worse"),
        ((-0.1, -0.15, -0.05), "higher", "worse"),
        ((-0.1, -0.15, -0.05), "lower", "better"),
        ((0.1, -0.05, 0.15), "higher", "no difference shown"),
        ((0.1, 0.0, 0.15), "higher", "no difference shown"),
        ((0.0, 0.0, 0.0), "lower", "the same"),
    ],
)
def test_a_verdict_follows_the_interval(gap, better, found):
    assert one("x", gap, better).verdict == found


def test_the_verdict_in_words():
    found = [
        one("AUC", (0.1, 0.05, 0.15), "higher"),
        one("RMSE", (2, -1, 5), "lower"),
        one("bias", (0.2, 0.1, 0.3), "lower"),
        one("loss", (-0.2, -0.3, -0.1), "lower"),
    ]
    assert verdict(found, "A", "B") == (
        "A beside B: better in AUC, loss; worse in bias; not shown to differ in RMSE."
    )
    assert found[0].in_words == "AUC 1 beside 0.9: better (+0.1 [+0.05, +0.15])"
