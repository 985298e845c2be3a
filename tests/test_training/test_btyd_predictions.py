"""What buy-till-you-die models predict, against formulas and integrals of another making."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1

from models.btyd import BetaGeometric, GammaGamma, Histories, ParetoNBD
from models.btyd.quadrature import beta_rule

BG_NBD = BetaGeometric(r=0.243, alpha=4.414, a=0.793, b=2.426)
PARETO_NBD = ParetoNBD(r=0.553, alpha=10.578, s=0.606, beta=11.669)
BOTH = pytest.mark.parametrize("model", [BG_NBD, PARETO_NBD], ids=["bg_nbd", "pareto_nbd"])
CUSTOMERS = Histories(
    frequency=[0, 0, 1, 2, 2, 7, 26, 150],
    t_x=[0, 0, 3, 30, 5, 20, 38, 39],
    age=[0, 39, 39, 38.9, 30, 35, 39, 39],
)

positive = st.floats(0.05, 20)


@st.composite
def histories(draw):
    """One customer."""
    x, t_x, after = draw(st.integers(0, 200)), draw(st.floats(0.1, 200)), draw(st.floats(0, 200))
    return Histories([x], [t_x if x else 0], [after + (t_x if x else 0)])


models = st.one_of(
    st.builds(BetaGeometric, positive, positive, positive, positive),
    st.builds(ParetoNBD, positive, positive, positive, positive),
)


@pytest.mark.parametrize("a", [0.05, 0.5, 0.793, 1.0, 6.0])
def test_the_rule_for_beta_gives_its_moments_and_its_mean_of_any_smooth_function(a):
    b = np.array([0.05, 0.5, 1.0, 2.4, 40.0, 3000.0])
    p, weights = beta_rule(a, b, 20)
    assert weights.sum(axis=0) == pytest.approx(1)
    for power in (1, 2, 5):
        moments = np.prod([(a + k) / (a + b + k) for k in range(power)], axis=0)
        assert (weights * p**power).sum(axis=0) == pytest.approx(moments, rel=1e-10, abs=0)
    # E[(1 + p)^-3] is Euler's integral.
    expected = hyp2f1(3, a, a + b, -1)
    assert (weights * (1 + p) ** -3.0).sum(axis=0) == pytest.approx(expected, rel=1e-12)


def published_bg_nbd(m, x, t_x, age, horizon):
    """Equation (10) of Fader, Hardie & Lee (2005)."""
    f = hyp2f1(m.r + x, m.b + x, m.a + m.b + x - 1, horizon / (m.alpha + age + horizon))
    shrinking = ((m.alpha + age) / (m.alpha + age + horizon)) ** (m.r + x)
    odds = (x > 0) * m.a / (m.b + x - 1) * ((m.alpha + age) / (m.alpha + t_x)) ** (m.r + x)
    return (m.a + m.b + x - 1) / (m.a - 1) * (1 - shrinking * f) / (1 + odds)


@pytest.mark.parametrize("model", [BG_NBD, BetaGeometric(2, 30, 1.7, 0.9)])
@pytest.mark.parametrize("horizon", [1, 39, np.linspace(0.5, 100, 8)])
def test_bg_nbd_expects_what_the_paper_says(model, horizon):
    expected = published_bg_nbd(model, CUSTOMERS.frequency, CUSTOMERS.t_x, CUSTOMERS.age, horizon)
    assert model.expected_transactions(CUSTOMERS, horizon) == pytest.approx(expected, rel=1e-9)


def test_bg_nbd_has_no_pole_where_dropout_has_a_of_1():
    near = [BetaGeometric(0.5, 5, a, 2).expected_transactions(CUSTOMERS, 39) for a in (1, 1 + 1e-9)]
    assert near[0] == pytest.approx(near[1], rel=1e-7)


def test_a_horizon_a_hundred_times_the_age_is_still_exact_for_who_bought_little():
    model, new = BetaGeometric(0.24, 5, 1.7, 2.4), Histories([0, 1, 5], [0, 1, 1], [0, 1, 1])
    expected = published_bg_nbd(model, new.frequency, new.t_x, new.age, 500.0)
    assert model.expected_transactions(new, 500) == pytest.approx(expected, rel=1e-6)


def published_pareto_alive(m, x, t_x, age):
    """Fader & Hardie (2005), "A note on deriving the Pareto/NBD model", alpha >= beta or not."""
    high, second = max(m.alpha, m.beta), m.s + 1 if m.alpha >= m.beta else m.r + x
    q, difference = m.r + m.s + x, abs(m.alpha - m.beta)

    def part(t):
        return hyp2f1(q, second, q + 1, difference / (high + t)) / (high + t) ** q

    a0 = part(t_x) - part(age)
    return 1 / (1 + m.s / q * (m.alpha + age) ** (m.r + x) * (m.beta + age) ** m.s * a0)


@pytest.mark.parametrize("model", [PARETO_NBD, ParetoNBD(2, 30, 1.7, 4), ParetoNBD(1, 6, 0.2, 6)])
def test_pareto_nbd_is_alive_with_the_published_probability(model):
    x, t_x, age = CUSTOMERS.frequency, CUSTOMERS.t_x, CUSTOMERS.age
    expected = [published_pareto_alive(model, *row) for row in zip(x, t_x, age, strict=True)]
    assert model.probability_alive(CUSTOMERS) == pytest.approx(expected, rel=1e-8)


@given(model=st.builds(ParetoNBD, *[st.floats(0.05, 100)] * 4), one=histories())
def test_pareto_nbd_integrates_unseen_deaths_whatever_the_parameters(model, one):
    x, t_x, age = one.frequency[0], one.t_x[0], one.age[0]
    buying, stopping = model.r + x, model.s
    assume(age > t_x + 0.01)  # nearer, the oracle itself loses digits

    def density(u):  # over u = ln((beta + tau) / (beta + t_x)), relative to that at t_x
        tau = t_x + (model.beta + t_x) * np.expm1(u)
        silence = np.log((model.alpha + tau) / (model.alpha + t_x))
        return stopping * np.exp(-buying * silence - stopping * u)

    end = np.log((model.beta + age) / (model.beta + t_x))
    breaks = np.concatenate([[0], end * np.geomspace(1e-4, 1, 9)])
    total = sum(quad(density, *ends, epsabs=1e-20, limit=200)[0] for ends in pairwise(breaks))
    at_t_x = buying * np.log((model.alpha + age) / (model.alpha + t_x)) + stopping * end
    assert model.log_dead_odds(one)[0] == pytest.approx(np.log(total) + at_t_x, abs=1e-7)


def test_pareto_nbd_has_no_pole_where_stopping_has_a_shape_of_1():
    near = [ParetoNBD(0.5, 10, s, 10).expected_transactions(CUSTOMERS, 39) for s in (1, 1 + 1e-9)]
    assert near[0] == pytest.approx(near[1], rel=1e-7)


@given(model=models, one=histories(), horizon=st.floats(0.01, 50))
def test_more_time_brings_more_but_never_faster(model, one, horizon):
    """While they live customers buy at a constant rate, and they may only die."""
    none, some, twice = (model.expected_transactions(one, k * horizon)[0] for k in (0, 1, 2))
    assert none == 0
    assert 0 <= some <= twice <= 2 * some * (1 + 1e-9)
    assert model.probability_of_any(one, 0) == [0]
    any_soon, any_later = (model.probability_of_any(one, k * horizon)[0] for k in (1, 2))
    alive = model.probability_alive(one)[0]
    assert 0 <= any_soon <= any_later + 1e-12
    assert any_later <= alive + 1e-12
    assert any_soon <= some + 1e-12


@given(model=models, one=histories(), longer=st.floats(0.1, 100))
def test_silence_makes_death_likelier(model, one, longer):
    silent = Histories(one.frequency, one.t_x, one.age + longer)
    assert model.log_dead_odds(silent)[0] >= model.log_dead_odds(one)[0]


def test_who_never_bought_again_is_alive_in_bg_nbd():
    assert (BG_NBD.probability_alive(CUSTOMERS)[:2] == 1).all()


def test_who_has_just_bought_is_alive_in_pareto_nbd():
    just = Histories([0, 3], [0, 20], [0, 20])
    assert (PARETO_NBD.probability_alive(just) == 1).all()


@BOTH
def test_a_horizon_for_each_customer_gives_what_each_alone_would(model):
    horizon = np.linspace(1, 50, len(CUSTOMERS))
    together = model.expected_transactions(CUSTOMERS, horizon)
    for row, length in enumerate(horizon):
        assert model.expected_transactions(CUSTOMERS, length)[row] == together[row]


@BOTH
def test_draws_have_the_mean_and_the_share_of_none_that_the_formulas_say(model):
    draws = 20_000
    drawn = model.draw_transactions(CUSTOMERS, 39, draws, np.random.default_rng(5))
    error = drawn.std(axis=1) / np.sqrt(draws)
    expected = model.expected_transactions(CUSTOMERS, 39)
    assert (np.abs(drawn.mean(axis=1) - expected) < 4.5 * error + 1e-9).all()
    any_at_all = model.probability_of_any(CUSTOMERS, 39)
    error = np.sqrt(any_at_all * (1 - any_at_all) / draws)
    assert (np.abs((drawn > 0).mean(axis=1) - any_at_all) < 4.5 * error + 1e-9).all()


@pytest.mark.parametrize(
    "model", [BetaGeometric(0.2, 5, 1e-4, 1e4), ParetoNBD(0.2, 5, 1e-4, 100)], ids=["bg", "pareto"]
)
def test_customers_who_never_stop_can_be_drawn_too(model):
    drawn = model.draw_transactions(CUSTOMERS, 39, 4000, np.random.default_rng(6))
    expected = model.expected_transactions(CUSTOMERS, 39)
    assert drawn.mean(axis=1) == pytest.approx(expected, rel=0.2, abs=0.02)


def test_the_mean_margin_is_shrunk_to_everyones():
    model = GammaGamma(p=6.25, q=3.74, v=15.44)
    everyones = 6.25 * 15.44 / 2.74
    x = np.array([0.0, 1.0, 10.0, 1e7])
    guess = model.expected_mean(x, np.array([np.nan, 100.0, 100.0, 100.0]))
    assert guess[0] == pytest.approx(everyones)
    assert guess[0] < guess[1] < guess[2] < guess[3]
    assert guess[3] == pytest.approx(100)


def test_a_mean_margin_without_a_finite_mean_is_infinite():
    guess = GammaGamma(p=1, q=0.8, v=10).expected_mean(np.array([0.0, 1.0]), np.array([np.nan, 5]))
    assert guess.tolist() == [np.inf, 15 / 0.8]


def test_drawn_margins_have_the_mean_that_the_formula_says():
    model, draws = GammaGamma(p=6.25, q=3.74, v=15.44), 40_000
    x, mean = np.array([0.0, 2.0, 30.0]), np.array([np.nan, 22.35, 80.0])
    transactions = np.tile([[0, 3]], (3, draws // 2))
    drawn = model.draw_margin(transactions, x, mean, np.random.default_rng(7))
    assert (drawn[:, ::2] == 0).all()
    three = drawn[:, 1::2]
    error = three.std(axis=1) / np.sqrt(draws // 2)
    assert (np.abs(three.mean(axis=1) - 3 * model.expected_mean(x, mean)) < 4.5 * error).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([-1], [0], [3]), "frequency must be at least 0, got: frequency=-1 in row 0"),
        (([0, 1.5], [0, 1], [3, 3]), "frequency must be whole, got: frequency=1.5 in row 1"),
        (([1], [4], [3]), "t_x must not exceed age, got: t_x=4, age=3 in row 0"),
        (([1], [0], [3]), "t_x must be above 0 if and only if frequency is, got: frequency=1, t_x"),
        (([0], [2], [3]), "t_x must be above 0 if and only if frequency is, got: frequency=0, t_x"),
        (([0], [0], [np.nan]), "age must be finite, got: age=nan in row 0"),
        (([0, 0], [0], [3, 3]), r"t_x must be of shape \(2,\) like frequency, got: \(1,\)"),
    ],
)
def test_a_history_that_nobody_can_have_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        Histories(*columns)


@pytest.mark.parametrize("horizon", [-1, np.nan, np.inf])
@BOTH
def test_a_horizon_that_is_no_length_of_time_is_refused(model, horizon):
    with pytest.raises(ValueError, match=f"horizon must be at least 0 and finite.*{horizon:g}"):
        model.expected_transactions(CUSTOMERS, horizon)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BetaGeometric(1, 1, 0, 1), "a must be above 0 and finite, got: a=0"),
        (lambda: ParetoNBD(1, 1, 1, np.inf), "beta must be above 0 and finite, got: beta=inf"),
        (lambda: GammaGamma(1, np.nan, 1), "q must be above 0 and finite, got: q=nan"),
    ],
)
def test_parameters_that_are_none_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
