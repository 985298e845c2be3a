"""The page: complete, escaped, readable by all, and in need of nothing else."""

import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from training.audits import page
from training.audits.allocations import audit_allocations
from training.audits.decided_page import render_decided
from training.audits.fairness import audit
from training.audits.pictures import Axis, axis_around
from training.audits.report import Carrier, Proxy
from training.evaluation.bootstrap import Estimate

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.timezone(dt.timedelta(hours=1)))
VOID = {"meta", "line", "circle", "path", "rect"}
EVIL = "<script>alert('x')</script>"


class Tree(HTMLParser):
    """Collects elements with their attributes, and holds tags to their order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def report(n=600, **options):
    rng = np.random.default_rng(1)
    group = rng.choice(np.array(["a", "b", EVIL], dtype=object), n)
    size = rng.choice(np.array(["1", "2", None], dtype=object), n)
    x = rng.normal(size=(n, 2)) + np.c_[2.0 * (group == "b"), np.zeros(n)]
    contributions = np.column_stack([x, np.full(n, -1.0)])
    p = 1 / (1 + np.exp(-contributions.sum(axis=1)))
    return audit(
        rng.random(n) < p,
        p,
        p > np.quantile(p, 0.8),
        {"group": group, "size": size},
        contributions=contributions,
        feature_names=["orders_90d", "<b>tenure</b>"],
        replicates=30,
        seed=1,
        **options,
    )


def html_of(audited, **changes):
    given = {
        "title": "Who is targeted",
        "model": "churn <3>",
        "as_of": NOON,
        "made_at": NOON,
        "figures": {"Log loss": "0.512"},
    }
    return page.render(audited, **{**given, **changes})


@pytest.fixture(scope="module")
def html():
    return html_of(report())


def test_tags_are_closed_in_order_and_ids_are_unique(html):
    tree = Tree(html)
    assert tree.open == []
    ids = [attrs["id"] for _, attrs in tree.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_whatever_comes_from_outside_is_escaped(html):
    assert "<script" not in html
    assert "<b>tenure" not in html
    assert "&lt;b&gt;tenure&lt;/b&gt;" in html
    assert "churn &lt;3&gt;" in html


def test_nothing_is_loaded_from_elsewhere(html):
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", html)
    assert not re.search(r"url\(|@import|https?:", html)


def test_it_can_be_heard_and_walked_with_the_keyboard(html):
    tree = Tree(html)
    ids = {attrs["id"] for _, attrs in tree.elements if "id" in attrs}
    assert tree.all("html") == [{"lang": "en"}]
    assert [len(tree.all(tag)) for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1]
    assert len(tree.all("caption")) == len(tree.all("table")) > 3
    assert {th.get("scope") for th in tree.all("th")} == {"col", "row"}
    assert len(tree.all("svg")) == 1 + 2 + 2 + 2
    for svg in (*tree.all("svg"), *tree.all("section")):
        assert set(svg["aria-labelledby"].split()) <= ids
    assert len(tree.all("desc")) == len(tree.all("svg"))
    for region in tree.all("div"):
        if region.get("class") == "scroll":
            assert region["tabindex"] == "0"
            assert region["aria-label"]


def test_it_begins_with_five_lines_and_says_what_was_found(html):
    lines = re.findall(r"<li>(.+?)</li>", html)
    assert len(lines) == 5
    assert lines[0].startswith("The audit looks at 600 customers: 20.0% are selected")
    assert "found for group" in lines[2]
    assert "Found: b has a selection rate" in html
    assert "2026-11-02 11:00 UTC" in html
    assert "0.512" in html


def test_it_shows_bounds_proxies_and_what_mitigation_would_cost(html):
    assert "all are known" in html
    assert re.search(r"<td>0\.\d\d to \d\.\d\d</td>", html)
    assert "What mitigation would cost" in html
    assert "as it is" in html
    assert "What the features tell" not in html
    told = Proxy("size", "<1>", Estimate(0.7, 0.6, 0.8), (Carrier("orders_90d", 0.25),))
    shown = html_of(replace(report(), proxies=(told,)))
    assert "What the features tell" in shown
    assert "orders_90d 25%" in shown
    assert "&lt;1&gt;" in shown


def test_the_page_of_decisions_is_complete_and_escaped():
    rng = np.random.default_rng(2)
    group = rng.choice(np.array(["a", EVIL], dtype=object), 600)
    need = rng.random(600)
    audited = audit_allocations(
        {"discount": rng.random(600) < 0.2 + 0.4 * (group == "a"), "silence": np.zeros(600)},
        {"percent": 10 * need},
        need,
        {"group": group},
        replicates=30,
        seed=1,
    )
    shown = render_decided(audited, since=NOON, until=NOON, made_at=NOON)
    tree = Tree(shown)
    assert tree.open == []
    assert "<script" not in shown
    assert not re.search(r"url\(|@import|https?:", shown)
    assert len(tree.all("caption")) == len(tree.all("table")) == 2
    assert len(re.findall(r"<li>(.+?)</li>", shown)) == 5
    assert "Differences between groups: found for group" in shown
    assert "a gets discount" in shown
    with pytest.raises(ValueError, match="since must have a time zone, got: 2026-01-01"):
        render_decided(audited, since=dt.datetime(2026, 1, 1), until=NOON, made_at=NOON)


def test_an_audit_without_enough_data_makes_a_page_too():
    html = html_of(report(n=60, min_size=200))
    assert Tree(html).open == []
    assert "Not enough data: a comparison needs a group of at least 200 customers" in html
    assert "Not enough data (fewer than 200 customers each)" in html


def test_an_instant_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="as_of must have a time zone, got: 2026-01-01"):
        html_of(report(n=60), as_of=dt.datetime(2026, 1, 1))


def luminance(colour):
    """WCAG 2.2's relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_text_has_a_contrast_of_at_least_4_5_in_light_dark_and_print():
    css = Path(page.__file__).with_name("page.css").read_text()
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", root)) for root in css.split(":root")[1:]]
    assert len(palettes) == 3
    for palette in palettes:
        for text in ("ink", "quiet", "dot", "found"):
            for ground in ("paper", "panel"):
                pair = sorted([luminance(palette[text]), luminance(palette[ground])])
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.183, 0.191), (-2.4, 0.7), (0.5, 130)])
def test_an_axis_holds_all_values_and_has_a_few_round_ticks(low, high):
    axis = axis_around([high, low], 10, 100)
    assert 10 < axis.x(low) < axis.x(high) < 110
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(axis.low <= tick <= axis.high for tick in ticks)


def test_an_axis_is_linear():
    axis = Axis(-1, 3, 100, 200)
    assert [axis.x(value) for value in (-1, 0, 1, 3)] == [100, 150, 200, 300]
    assert axis.ticks() == [-1, 0, 1, 2, 3]
