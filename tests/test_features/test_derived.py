"""What follows from changed features is what the catalogue's own arithmetic says."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.catalogue.tenure import LIFECYCLE_STAGES
from features.derived import derived, with_what_follows


@pytest.fixture
def row():
    """One customer's features, all 3 but for those named."""
    matrix = np.full((1, len(CATALOGUE)), 3.0)
    for name, value in {
        "days_since_last_order": 5.0,
        "mean_gap_days": 10.0,
        "tenure_days": 300.0,
        "last_gap_days": 8.0,
        "orders_91d": 9.0,
    }.items():
        matrix[0, CATALOGUE.names.index(name)] = value
    return with_what_follows(matrix, CATALOGUE)


def of(matrix, name):
    return matrix[0, CATALOGUE.names.index(name)]


def test_only_features_that_read_features_alone_follow():
    assert {"overdue_ratio", "lifecycle_stage", "order_value_trend"} <= set(derived(CATALOGUE))
    assert not {"days_since_last_order", "order_rate_trend", "orders_28d"} & set(derived(CATALOGUE))


@pytest.mark.parametrize(
    ("days", "ratio", "stage"),
    [(5, 0.5, "active"), (19, 1.9, "active"), (20, 2.0, "at_risk"), (56, 5.6, "lapsed"),
     (182, 18.2, "lost")],
)  # fmt: skip
def test_a_longer_silence_leads_to_its_stage(row, days, ratio, stage):
    row[0, CATALOGUE.names.index("days_since_last_order")] = days
    followed = with_what_follows(row, CATALOGUE)
    assert of(followed, "overdue_ratio") == ratio
    assert LIFECYCLE_STAGES[int(of(followed, "lifecycle_stage"))] == stage
    assert of(followed, "mean_gap_days") == 10


def test_what_is_unknown_stays_unknown_and_the_given_matrix_as_it_was(row):
    row[0, CATALOGUE.names.index("mean_gap_days")] = np.nan
    before = row.copy()
    assert np.isnan(of(with_what_follows(row, CATALOGUE), "overdue_ratio"))
    np.testing.assert_array_equal(row, before)
