"""Likelihoods that are distributions, gradients that are derivatives, and known laws recovered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

from models.btyd import BetaGeometric, GammaGamma, Histories, ParetoNBD
from training.btyd import beta_geometric, gamma_gamma, pareto_nbd, summary
from training.btyd.likelihood import maximise, patterns

PAIRS = pytest.mark.parametrize(
    ("law", "truth"),
    [
        (beta_geometric, BetaGeometric(r=0.8, alpha=6.0, a=0.9, b=2.5)),
        (pareto_nbd, ParetoNBD(r=0.8, alpha=6.0, s=0.7, beta=10.0)),
    ],
    ids=["bg_nbd", "pareto_nbd"],
)


def parameters(model):
    return np.array([getattr(model, name) for name in model.__slots__])


def buy_until_death(model, ages, rng):
    """Times of the transactions of customers who live by the law: shape (n, most), inf for none.

    One at a time, as the laws are told, and by nothing of what is tested.
    """
    n = len(ages)
    rate = rng.gamma(model.r, 1 / model.alpha, n)
    if isinstance(model, BetaGeometric):
        stops, dies = rng.beta(model.a, model.b, n), np.full(n, np.inf)
    else:
        stops = np.zeros(n)
        dies = rng.exponential(1 / rng.gamma(model.s, 1 / model.beta, n))
    clock, columns = np.zeros(n), []
    while np.isfinite(clock).any():
        clock = clock + rng.exponential(1 / rate)
        clock[(clock > dies) | (clock > ages)] = np.inf
        columns.append(clock)
        clock = np.where(rng.random(n) < stops, np.inf, clock)
    return np.stack(columns, axis=1)


def observed(times, age):
    seen = times <= age[:, None]
    last = np.where(seen, times, 0).max(axis=1)
    return Histories(seen.sum(axis=1), last, age)


@pytest.fixture(scope="module")
def populations():
    """Per law: 10,000 customers seen for 20 to 60 weeks, and what they buy in 30 weeks more."""

    def population(model):
        rng = np.random.default_rng(3)
        age = rng.uniform(20, 60, 10_000)
        times = buy_until_death(model, age + 30, rng)
        past = observed(times, age)
        return past, np.isfinite(times).sum(axis=1) - past.frequency

    return population


@PAIRS
def test_known_parameters_are_recovered(law, truth, populations):
    past, _ = populations(truth)
    fitted = law.fit(past)
    assert parameters(fitted.model) == pytest.approx(parameters(truth), rel=0.12)
    at_truth = law.log_likelihoods(truth, past)[0].sum()
    # Twice the difference is chi-square with 4 degrees of freedom: 18.5 once in a thousand.
    assert 0 <= 2 * (fitted.log_likelihood - at_truth) < 18.5


@PAIRS
def test_predictions_are_right_in_each_tenth_of_them(law, truth, populations):
    past, bought = populations(truth)
    expected = truth.expected_transactions(past, 30)
    any_expected = truth.probability_of_any(past, 30)
    for tenth in np.array_split(np.argsort(expected), 10):
        error = bought[tenth].std() / np.sqrt(len(tenth))
        assert abs(bought[tenth].mean() - expected[tenth].mean()) < 4 * error + 1e-3
        share = any_expected[tenth].mean()
        error = np.sqrt(share * (1 - share) / len(tenth))
        assert abs((bought[tenth] > 0).mean() - share) < 4 * error + 1e-3


@PAIRS
def test_intervals_of_draws_cover_what_they_say(law, truth, populations):
    """By randomised PIT: the rank of the truth among the draws, ties broken at random."""
    past, bought = populations(truth)
    rng = np.random.default_rng(4)
    drawn = truth.draw_transactions(past, 30, 99, rng)
    below = (drawn < bought[:, None]).mean(axis=1)
    pit = below + rng.random(len(bought)) * (drawn == bought[:, None]).mean(axis=1)
    for level in (0.5, 0.8, 0.95):
        assert (np.abs(pit - 0.5) <= level / 2).mean() == pytest.approx(level, abs=0.015)


@PAIRS
def test_gradients_are_derivatives(law, truth):
    some = Histories([0, 0, 1, 3, 40], [0, 0, 2, 30, 35], [0, 39, 39, 31, 39])
    at, step = parameters(truth), 1e-6
    _, gradients = law.log_likelihoods(truth, some)
    for row, moved in enumerate(np.eye(4) * step):
        up, down = (
            law.log_likelihoods(type(truth)(*(at + sign * moved)), some)[0] for sign in (1, -1)
        )
        assert gradients[row] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-7)


@PAIRS
def test_the_likelihood_is_a_distribution_whose_mean_is_the_expectation(law, truth):
    """Over all x and t_x: the earlier x - 1 times may lie anywhere before t_x."""
    age, most = 5.0, 25

    def probability(x):
        def density(t_x):
            value = law.log_likelihoods(truth, Histories([x], [t_x], [age]))[0][0]
            return np.exp(value + (x - 1) * np.log(t_x) - gammaln(x))

        return quad(density, 0, age)[0]

    nobody = np.exp(law.log_likelihoods(truth, Histories([0], [0], [age]))[0][0])
    shares = np.array([nobody] + [probability(x) for x in range(1, most)])
    assert shares.sum() == pytest.approx(1, abs=1e-6)
    new = Histories([0], [0], [0])
    assert shares @ np.arange(most) == pytest.approx(truth.expected_transactions(new, age)[0], 1e-5)
    assert 1 - nobody == pytest.approx(truth.probability_of_any(new, age)[0])


@PAIRS
def test_the_unit_of_time_changes_only_the_scales(law, truth, populations):
    past, _ = populations(truth)
    weeks = law.fit(past).model
    days = law.fit(Histories(past.frequency, past.t_x * 7, past.age * 7)).model
    scale = [1, 7, 1, 1] if law is beta_geometric else [1, 7, 1, 7]
    assert parameters(days) == pytest.approx(parameters(weeks) * scale, rel=1e-4)


@PAIRS
def test_customers_who_never_stop_are_fitted_too(law, truth):
    rng = np.random.default_rng(8)
    age, rate = rng.uniform(10, 60, 5000), rng.gamma(0.8, 0.1, 5000)
    x = rng.poisson(rate * age)
    past = Histories(x, np.where(x > 0, age * rng.random(5000) ** (1 / np.maximum(x, 1)), 0), age)
    model = law.fit(past).model
    assert (model.r, model.alpha) == pytest.approx((0.8, 10), rel=0.1)
    assert model.probability_alive(past).mean() > 0.98
    assert model.expected_transactions(past, 20).sum() == pytest.approx(20 * rate.sum(), rel=0.03)


def test_customers_who_spend_alike_are_fitted_too():
    rng = np.random.default_rng(9)
    times = rng.integers(1, 20, 300)
    mean = rng.gamma(4 * times, 3000 / (4 * times))
    model = gamma_gamma.fit(times, mean).model
    everyone = np.full(300, mean @ times / times.sum())
    assert model.expected_mean(times, mean) == pytest.approx(everyone, rel=0.1)


def test_one_price_for_all_is_what_everyone_is_expected_to_pay():
    times = np.array([1.0, 2.0, 9.0, 1.0])
    model = gamma_gamma.fit(times, np.full(4, 999.0)).model
    assert model.expected_mean(times, np.full(4, 999.0)) == pytest.approx(999, rel=0.01)


@PAIRS
def test_nobody_who_bought_again_cannot_be_fitted(law, truth):
    with pytest.raises(ValueError, match="who bought again, got: frequency=0 in all of 2 rows"):
        law.fit(Histories([0, 0], [0, 0], [3, 4]))


def test_like_histories_are_taken_together():
    rows, shares = patterns(Histories([1, 0, 1, 0], [2, 0, 2, 0], [3, 9, 3, 3]))
    found = {tuple(row): s for *row, s in np.stack([rows.frequency, rows.t_x, rows.age, shares], 1)}
    assert found == {(1, 2, 3): 0.5, (0, 0, 9): 0.25, (0, 0, 3): 0.25}


def test_parameters_that_ran_off_run_no_farther_from_day_to_day():
    """Nobody stops: of `s` and `beta` the data say nothing but that stopping is rare."""
    rng = np.random.default_rng(8)
    waits = rng.exponential(1 / rng.gamma(4, 1 / 8, 300)[:, None], (300, 400))
    at_50, at_42 = (observed(np.cumsum(waits, axis=1), np.full(300, age)) for age in (50.0, 42.0))
    again = pareto_nbd.fit(at_42, near=pareto_nbd.fit(at_50).model).model
    alone = pareto_nbd.fit(at_42).model
    assert parameters(again) == pytest.approx(parameters(alone), rel=1e-4)


def test_a_likelihood_with_a_false_gradient_has_no_maximum():
    with pytest.raises(RuntimeError, match=r"must have a maximum near \[1.0\], got: "):
        maximise(lambda at: (float(-((at[0] - 3) ** 2)), np.array([at[0] - 3])), np.array([1.0]))


def test_margins_of_known_law_are_recovered():
    rng = np.random.default_rng(9)
    truth, n = GammaGamma(p=6.0, q=3.7, v=1500.0), 20_000
    x = rng.integers(0, 8, n)
    nu = rng.gamma(truth.q, 1 / truth.v, n)
    total = rng.gamma(truth.p * x) / nu
    mean = np.divide(total, x, out=np.full(n, np.nan), where=x > 0)
    fitted = gamma_gamma.fit(x.astype(float), mean)
    assert parameters(fitted.model) == pytest.approx(parameters(truth), rel=0.08)
    assert fitted.customers == (x > 0).sum()


def test_the_density_of_mean_margins_is_one_and_its_gradient_a_derivative():
    model, x = GammaGamma(p=2.0, q=3.0, v=10.0), np.array([1.0, 4.0])

    def density(mean, row):
        return np.exp(gamma_gamma.log_likelihoods(model, x[[row]], np.array([mean]))[0][0])

    for row in (0, 1):
        assert quad(density, 0, np.inf, args=(row,))[0] == pytest.approx(1, abs=1e-6)
    at, mean, step = parameters(model), np.array([7.0, 12.0]), 1e-6
    _, gradients = gamma_gamma.log_likelihoods(model, x, mean)
    for row, moved in enumerate(np.eye(3) * step):
        up, down = (
            gamma_gamma.log_likelihoods(GammaGamma(*(at + sign * moved)), x, mean)[0]
            for sign in (1, -1)
        )
        assert gradients[row] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("frequency", "mean", "message"),
    [
        ([1, 2], [5], r"mean_margin must be of shape \(2,\) like frequency, got: \(1,\)"),
        ([1, 0], [-1, 8], "mean_margin must hold an amount above 0, got: none in 2 rows"),
    ],
)
def test_margins_that_teach_nothing_are_refused(frequency, mean, message):
    with pytest.raises(ValueError, match=message):
        gamma_gamma.fit(np.array(frequency, float), np.array(mean, float))


def test_a_day_of_many_purchases_is_one_transaction():
    found = summary(
        ["b", "a", "a", "a", "a", "b"],
        [110, 107, 100, 107, 114, 110],
        [5, 300, 1000, 50, 150, 5],
        last_day=121,
    )
    assert found.customers.tolist() == ["a", "b"]
    assert found.histories.frequency.tolist() == [2, 0]
    assert found.histories.t_x.tolist() == [2, 0]
    assert found.histories.age == pytest.approx([3, 11 / 7])
    assert found.mean_margin == pytest.approx([250, np.nan], nan_ok=True)


def test_another_unit_of_time():
    found = summary([1, 1], [0, 15], [1, 1], last_day=30, days_per_unit=30)
    assert (found.histories.t_x[0], found.histories.age[0]) == (0.5, 1)


def test_what_came_after_the_last_day_may_not_teach():
    with pytest.raises(ValueError, match=r"not be after last_day=10, got: 12 \(1 of 2 rows\)"):
        summary([1, 1], [3, 12], [1, 1], last_day=10)
