"""Pictures say what the numbers say: marks stand where they should, tables add up."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.ranking import lift_at_k
from training.pictures.risk import (
    deciles,
    gains_chart,
    lift_chart,
    reliability_chart,
    shap_chart,
)
from training.pictures.svg import ACCENT, INK, Chart
from training.pictures.value import amount_deciles, amounts_chart, hours_chart, tenths

SVG = "{http://www.w3.org/2000/svg}"


def read(picture):
    return ElementTree.fromstring(picture)


def curve(picture, colour, chart):
    """The points of the line of that colour, in the units of the axes."""
    (line,) = (e for e in read(picture).iter(f"{SVG}polyline") if e.get("stroke") == colour)
    pixels = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
    return [
        (
            (x - chart.x.left) / chart.x.width * (chart.x.high - chart.x.low) + chart.x.low,
            (y - chart.y.left) / chart.y.width * (chart.y.high - chart.y.low) + chart.y.low,
        )
        for x, y in pixels
    ]


UNIT = Chart("", "", "", (0, 1), (0, 1))


def test_values_upward_stand_higher():
    assert UNIT.y.x(1) < UNIT.y.x(0)
    assert UNIT.x.x(1) > UNIT.x.x(0)


def test_words_are_escaped_and_the_picture_is_xml():
    picture = Chart("a < b & c", "x", "y", (0, 1), (0, 1)).svg()
    assert "a < b & c" in [e.text for e in read(picture).iter(f"{SVG}text")]


@given(seed=st.integers(0, 2**32 - 1))
def test_gains_are_lift_times_what_is_reached(seed):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 8, 200).astype(float)  # with ties
    happened = (rng.random(200) < 0.3).astype(float)
    happened[:2] = 0, 1
    drawn = curve(gains_chart(happened, score, -score, "other"), ACCENT, UNIT)
    for reached, found in drawn[1::9]:
        share = round(reached, 2)
        assert found == pytest.approx(share * lift_at_k(happened, score, share), abs=0.002)


def test_a_perfect_score_lifts_by_one_over_the_rate():
    happened = np.repeat([1.0, 0.0], [25, 75])
    picture = lift_chart(happened, happened, np.zeros(100), "nothing")
    top = 1.05 * 4
    drawn = curve(picture, ACCENT, Chart("", "", "", (0, 1), (0, top)))
    assert drawn[0][1] == pytest.approx(4, abs=0.02)
    assert drawn[-1] == pytest.approx((1, 1), abs=0.02)
    flat = curve(picture, INK, Chart("", "", "", (0, 1), (0, top)))
    assert {round(lift, 1) for _, lift in flat} == {1.0}


def test_reliability_has_a_dot_for_each_tenth():
    predicted = np.linspace(0.01, 0.99, 500)
    happened = (np.random.default_rng(1).random(500) < predicted).astype(float)
    dots = list(read(reliability_chart(happened, predicted)).iter(f"{SVG}circle"))
    assert len(dots) == 10


def test_contributions_are_ordered_by_weight_and_coloured_by_value():
    contributions = np.array([[0.1, -1.0, 9.0], [-0.1, 1.0, 9.0], [0.1, 0.0, 9.0]])
    features = np.array([[5.0, 1.0], [5.0, 2.0], [np.nan, np.nan]])
    picture = shap_chart(contributions, features, ["small", "large"])
    found = read(picture)
    heights = {e.text: float(e.get("y")) for e in found.iter(f"{SVG}text")}
    assert heights["large"] < heights["small"]  # SVG counts downward
    colours = [c.get("fill") for c in found.iter(f"{SVG}circle")]
    assert colours == [INK, INK, "#999999", INK, ACCENT, "#999999"]


def test_the_table_of_risk_adds_up():
    predicted = np.linspace(1, 0, 40, endpoint=False)
    happened = np.repeat([1.0, 0.0], [10, 30])
    rows = deciles(happened, predicted).splitlines()[2:]
    assert len(rows) == 10
    assert rows[0] == "| 1 | 4 | 96.2% | 100.0% | 4.00 | 40.0% |"
    assert rows[2] == "| 3 | 4 | 76.2% | 50.0% | 2.00 | 100.0% |"
    assert rows[9].endswith("| 0.0% | 0.00 | 100.0% |")


def test_the_table_of_amounts_adds_up():
    actual = np.arange(20, 0, -1) * 100.0
    rows = amount_deciles(actual, actual / 2).splitlines()[2:]
    assert rows[0] == "| 1 | 2 | 975 | 1,950 | 18.6% |"
    assert rows[9].endswith("| 100.0% |")
    means = tenths(actual, actual / 2)
    assert sum(n * real for n, _, real in means) == pytest.approx(actual.sum())
    assert len(list(read(amounts_chart(actual, actual / 2)).iter(f"{SVG}circle"))) == 10


def test_the_map_of_hours_is_darkest_where_most_happens():
    week = np.full(168, 0.5 / 167)
    week[24 * 2 + 19] = 0.5  # Wednesday, 19:00
    boxes = [
        box
        for box in read(hours_chart(week)).iter(f"{SVG}rect")
        if box.get("fill-opacity") is not None
    ]
    assert len(boxes) == 168
    assert [i for i, b in enumerate(boxes) if b.get("fill-opacity") == "1.000"] == [24 * 2 + 19]
    wednesday, monday = boxes[24 * 2 + 19], boxes[0]
    assert float(wednesday.get("y")) > float(monday.get("y"))
    assert float(wednesday.get("x")) > float(monday.get("x"))


def test_a_pipeline_gives_all_pictures(trained):
    assert set(trained.pictures) == {
        "churn/reliability.svg", "churn/gains.svg", "churn/lift.svg", "churn/shap.svg",
        "churn/deciles.md", "clv/tenths.svg", "clv/deciles.md", "send_time/hours.svg",
    }  # fmt: skip
    for name, content in trained.pictures.items():
        assert not re.search(r"\bnan\b", content), name
        if name.endswith(".svg"):
            assert read(content).tag == f"{SVG}svg"
