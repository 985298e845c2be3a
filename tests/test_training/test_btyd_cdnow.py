"""Buy-till-you-die models give the parameters that the literature reports for CDNOW's sample."""

from __future__ import annotations

import datetime as dt
from importlib import metadata

import numpy as np
import pytest

from models.btyd import BetaGeometric, GammaGamma, Histories
from training.btyd import beta_geometric, gamma_gamma, pareto_nbd, summary

LAST_DAY = dt.date(1997, 9, 30).toordinal()


@pytest.fixture(scope="module")
def cdnow(require):
    """39 weeks of the 2,357 customers of the 1/10th sample, read out of the package `lifetimes`."""
    installed = list(metadata.distributions(name="lifetimes"))
    require(installed, "the package 'lifetimes', which holds CDNOW's log, is not installed")
    path = installed[0].locate_file("lifetimes/datasets/CDNOW_sample.txt")
    customers, _, dates, _, dollars = np.loadtxt(str(path), dtype=str).T
    days = np.array([dt.date.fromisoformat(date).toordinal() for date in dates])
    known = days <= LAST_DAY
    cents = np.round(dollars.astype(np.float64) * 100)
    return summary(customers[known], days[known], cents[known], last_day=LAST_DAY)


def test_the_summary_is_the_published_one(cdnow):
    assert len(cdnow.histories) == 2357
    assert (cdnow.histories.frequency > 0).sum() == 946
    # The first customer of Fader & Hardie's files: x = 2, t_x = 30.43, T = 38.86, zbar = 22.35.
    first = [cdnow.histories.frequency, cdnow.histories.t_x, cdnow.histories.age]
    assert [column[0] for column in first] == pytest.approx([2, 30.43, 38.86], abs=0.005)
    assert cdnow.mean_margin[0] / 100 == pytest.approx(22.35, abs=0.0051)


def test_bg_nbd(cdnow):
    """Fader, Hardie & Lee (2005), table 2."""
    fitted = beta_geometric.fit(cdnow.histories)
    model = fitted.model
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx(
        (0.243, 4.414, 0.793, 2.426), abs=5e-4
    )
    assert fitted.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_pareto_nbd(cdnow):
    """Fader, Hardie & Lee (2005), table 2."""
    fitted = pareto_nbd.fit(cdnow.histories)
    model = fitted.model
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx(
        (0.553, 10.578, 0.606, 11.669), abs=5e-4
    )
    assert fitted.log_likelihood == pytest.approx(-9595.0, abs=0.05)


def test_gamma_gamma(cdnow):
    """Fader & Hardie (2013), section 3: 946 repeat buyers, in dollars."""
    fitted = gamma_gamma.fit(cdnow.histories.frequency, cdnow.mean_margin / 100)
    model = fitted.model
    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.005)
    assert fitted.customers == 946


def test_what_the_first_customer_will_do():
    """Fader, Hardie & Lee's spreadsheet has 1.226 transactions in the 39 weeks that follow.

    The documentation of lifetimes 0.11 has 24.6586 dollars a transaction.
    """
    first = Histories([2], [30.43], [38.86])
    bg_nbd = BetaGeometric(0.24259, 4.41359, 0.79293, 2.42590)
    assert bg_nbd.expected_transactions(first, 39) == pytest.approx([1.226], abs=5e-4)
    spend = GammaGamma(6.25, 3.74, 15.44)
    assert spend.expected_mean(first.frequency, np.array([22.35])) == pytest.approx(
        [24.66], abs=0.01
    )
