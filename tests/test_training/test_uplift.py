"""Qini as scikit-uplift defines it: by hand, by identities, by simulation; deciles."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.uplift import Decile, effect_deciles, qini, qini_curve


def test_qini_by_hand():
    """Rows by falling score: (treated, y) = (1, 1), (0, 0), (1, 1), (0, 1), (1, 0), (0, 0).

    The curve Y1 - Y0 N1 / N0 after each row: 1, 1, 2, 2 - 2/2 = 1, 2 - 3/2 = 1/2, 2 - 3/3 = 1.
    Area by trapezia: 0.5 + 1 + 1.5 + 1.5 + 0.75 + 0.75 = 6; chance 6 · 1 / 2 = 3.
    The best scores are y (2 treated - 1) = 1, 0, 1, -1, 0, 0, with ends after 2, 5 and 6 rows:
    the curve is 2, 2 and 1, its area 2 + 6 + 1.5 = 9.5. So (6 - 3) / (9.5 - 3) = 6/13.
    """
    y, treated = [1, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0]
    assert qini(y, [6, 5, 4, 3, 2, 1], treated) == pytest.approx(6 / 13)


def test_the_curve_by_hand_with_a_tie():
    """The rows above, the fourth and fifth of one score: no point lies between them."""
    y, treated = [1, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0]
    share, gained = qini_curve(y, [6, 5, 4, 3, 3, 1], treated)
    assert share == pytest.approx(np.array([0, 1, 2, 3, 5, 6]) / 6)
    assert gained == pytest.approx([0, 1, 1, 2, 0.5, 1])


def test_qini_of_scikit_uplift():
    """`qini_auc_score` of scikit-uplift 0.5.1 says -17/54 of these 12 rows, with ties."""
    y = [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1]
    treated = [1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0]
    score = [0.3, 0.1, 0.2, 0.3, 0.9, 0.2, 0.4, 0.4, 0.1, 0.5, 0.8, 0.2]
    assert qini(y, score, treated) == pytest.approx(-17 / 54)


def test_qini_of_a_constant_is_chance_and_of_the_best_is_one():
    rng = np.random.default_rng(1)
    y, treated = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    assert qini(y, np.zeros(200), treated) == pytest.approx(0, abs=1e-12)
    assert qini(y, y * (2 * treated - 1), treated) == pytest.approx(1)


def test_qini_tells_a_true_effect_from_a_risk():
    rng = np.random.default_rng(2)
    effect, risk = rng.uniform(0, 0.3, 20_000), rng.uniform(0, 0.5, 20_000)
    treated = rng.integers(0, 2, 20_000)
    y = rng.random(20_000) < risk + effect * treated
    assert qini(y, effect, treated) > 0.05
    assert abs(qini(y, risk, treated)) < 0.04
    assert qini(y, -effect, treated) < -0.05


def test_qini_needs_both_sides():
    with pytest.raises(ValueError, match="treated must hold both 0 and 1, got: only 1 in 2 rows"):
        qini([0, 1], [1, 2], [1, 1])


def test_deciles_by_hand():
    found = effect_deciles([1, 2, 3, 4], [0, 4, 1, 5], bins=2)
    assert found == (Decile(2, 1.5, 2.0, 2.0), Decile(2, 3.5, 3.0, 2.0))


def test_equal_predictions_stay_together():
    (only,) = effect_deciles([2.0] * 5, [0, 1, 2, 3, 4])
    assert (only.rows, only.predicted, only.realised) == (5, 2.0, 2.0)
