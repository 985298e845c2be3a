"""A bundle after its training: quiet where nothing changes, and each planted change found."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import HORIZONS, QUICK
from simulated import NOW, NOW_US, store_of_orders

from features.catalogue import CATALOGUE
from features.clock import DAY_US, iso, to_us
from features.zones import zone
from training.config import Monitoring
from training.evaluation.bootstrap import Estimate
from training.evaluation.estimated import expected_figures
from training.gate import Evidence, Monitored, refusals
from training.labels.quiet import WITHOUT_CONTACT, QuietCohorts
from training.monitoring.findings import findings
from training.monitoring.realised import matured
from training.monitoring.report import (
    Advice,
    Changes,
    Finding,
    Level,
    Realised,
    Report,
    Severity,
)
from training.monitoring.watch import monitor
from training.monitoring.watched import watched
from training.monitoring.words import next_step, verdict

RULES = Monitoring()
DAYS, SLOTS, TRAINED_BEFORE = 420, 500, 90
TRAINED = NOW - dt.timedelta(days=TRAINED_BEFORE)
JUDGED = to_us(TRAINED) - HORIZONS.churn_days * DAY_US

# --- levels, by arrays -------------------------------------------------------------------------


def like_columns(rng, rows, columns=42):
    """Columns that hang together, some of them counts, some with gaps."""
    shared = rng.normal(size=(rows, 1))
    values = 0.7 * shared + rng.normal(size=(rows, columns))
    values[:, ::3] = rng.poisson(np.exp(values[:, ::3] - 1))
    values[:, 1::3][rng.random((rows, columns // 3)) < 0.3] = np.nan
    return {f"c{i}": values[:, i] for i in range(columns)}


def levels(then, now, rules=RULES):
    found = watched({n: (then[n], now[n]) for n in then}, {}, rules)
    return {w.name: w.level for w in found}


@pytest.mark.parametrize("rows", [80, 1000])
def test_two_samples_of_one_population_are_steady_in_all_columns(rows):
    rng = np.random.default_rng(rows)
    alarmed = 0
    for _ in range(20):
        told = levels(like_columns(rng, rows), like_columns(rng, rows))
        alarmed += any(level is not Level.STEADY for level in told.values())
    # At most one run in twenty names anything: five or more in 20 runs come in 0.3 % of cases.
    assert alarmed <= 4


def test_what_moved_is_named_and_chance_is_not():
    rng = np.random.default_rng(2)
    then, now = like_columns(rng, 1000), like_columns(rng, 1000)
    now["c2"] = now["c2"] + 1.5
    now["c5"] = now["c5"] + 0.4
    now["c4"][:700] = np.nan
    named = {name: level for name, level in levels(then, now).items() if level is not Level.STEADY}
    assert named == {"c2": Level.MOVED, "c5": Level.SHIFTED, "c4": Level.MOVED}


def test_a_small_change_that_many_rows_prove_is_still_small():
    rng = np.random.default_rng(2)
    then, now = rng.normal(size=200_000), rng.normal(0.05, size=200_000)
    (found,) = watched({"c": (then, now)}, {"c": 1.0}, RULES)
    assert found.q_value < 1e-6
    assert found.level is Level.STEADY
    assert (found.weight, found.mean_now) == (1.0, pytest.approx(0.05, abs=0.01))


# --- findings, by rule -------------------------------------------------------------------------


def columns(**named):
    """Features of 1,000 then and now, `name=(now, weight)`; 0 to 9 then."""
    then = np.tile(np.arange(10.0), 100)
    return watched(
        {name: (then, np.asarray(now, float)) for name, (now, _) in named.items()},
        {name: weight for name, (_, weight) in named.items()},
        RULES,
    )


SAME, HIGH = np.tile(np.arange(10.0), 100), np.tile(np.arange(10.0), 100) + 4
GONE, SILENT = np.where(np.arange(1000) < 300, np.nan, SAME), np.zeros(1000)
SHARP = np.tile(np.linspace(0.02, 0.9, 50), 20)
BLUNT = np.tile(np.linspace(0.2, 0.5, 50), 20)


def came(**changed):
    expected = expected_figures(SHARP)
    good = Realised(
        dates=("2018-01-01T00:00:00Z",),
        rows=1000,
        auc=expected.auc,
        log_loss=expected.log_loss,
        rate=expected.rate,
        expected=expected,
        observed_to_predicted=Estimate(1.0, 0.9, 1.1),
        calibration_error=0.02,
        calibration_error_by_chance=0.025,
        calibration_slope=1.0,
        reliability=(),
    )
    return replace(good, **changed)


def of(**changed):
    steady = Changes(
        then="2017-09-01T00:00:00Z",
        now="2018-01-01T00:00:00Z",
        rows_then=1000,
        rows_now=1000,
        promised_auc=Estimate(0.8, 0.78, 0.82),
        features=columns(a=(SAME, 0.6), b=(SAME, 0.4)),
        predictions=columns(churn_probability=(SAME, 0.0)),
        expected_then=expected_figures(SHARP),
        expected_now=expected_figures(SHARP),
        realised=came(),
    )
    return findings(replace(steady, **changed), RULES)


def test_of_a_steady_bundle_nothing_is_found():
    assert of() == of(realised=None) == of(promised_auc=None) == ()


@pytest.mark.parametrize(
    ("changed", "severity", "advice", "said"),
    [
        ({"features": columns(a=(HIGH, 0.3), b=(SAME, 0.7))}, "alarm", "retrain",
         "1 feature moved (PSI of 0.25 or more), with a weight of 30.0% in the churn model: a"),
        ({"features": columns(a=(HIGH, 0.2), b=(SAME, 0.8))}, "warning", "look",
         "1 feature moved (PSI of 0.25 or more), with a weight of 20.0% in the churn model: a"),
        ({"predictions": columns(churn_probability=(HIGH, 0))}, "alarm", "retrain",
         "churn_probability moved: PSI 1.78, mean 4.5 then and 8.5 now"),
        ({"expected_now": expected_figures(BLUNT)}, "alarm", "retrain", "churn AUC to expect"),
        ({"realised": came(calibration_error=0.031)}, "alarm", "retrain",
         "no longer mean what they say: calibration error 0.031, allowed 0.030"),
        ({"realised": came(observed_to_predicted=Estimate(1.5, 1.3, 1.7))}, "alarm", "retrain",
         "1.50 times as many left as predicted [1.30, 1.70], allowed 0.8 to 1.25"),
        ({"realised": came(auc=Estimate(0.74, 0.72, 0.76))}, "alarm", "retrain",
         "the churn AUC came to 0.740 [0.720, 0.760], training promised 0.800 [0.780, 0.820]"),
    ],
    ids=["moved", "light", "prediction", "harder", "calibration", "level", "realised"],
)  # fmt: skip
def test_each_rule_says_what_and_how_much(changed, severity, advice, said):
    (found,) = of(**changed)
    assert (found.severity, found.advice) == (severity, advice)
    assert said in found.words


@pytest.mark.parametrize(("values", "what"), [(GONE, "unknown"), (SILENT, "nearly constant")])
@pytest.mark.parametrize(
    ("weight", "severity", "advice"), [(0.2, "alarm", "repair"), (0.001, "warning", "look")]
)
def test_a_broken_feature_asks_for_its_source_and_has_not_just_moved(
    values, what, weight, severity, advice
):
    (found,) = of(features=columns(a=(values, weight), b=(SAME, 0.6)))
    assert (found.severity, found.advice) == (severity, advice)
    assert f"1 feature became {what}" in found.words


@pytest.mark.parametrize(
    "changed",
    [
        {"realised": came(calibration_error=0.05, calibration_error_by_chance=0.06)},
        {"realised": came(observed_to_predicted=Estimate(1.5, 1.2, 1.8))},
        {"realised": came(auc=Estimate(0.78, 0.775, 0.785))},  # surely lower, and by little
        {"realised": came(auc=Estimate(0.74, 0.6, 0.88))},  # much lower, and not surely
        {"features": columns(a=(np.where(np.arange(1000) < 60, np.nan, SAME), 1.0))},
    ],
    ids=["chance", "not surely", "little", "few outcomes", "a few gaps"],
)
def test_what_is_small_or_may_be_chance_is_not_found(changed):
    assert of(**changed) == ()


def test_alarms_come_first_and_the_heaviest_features_are_named():
    many = {f"f{i}": (HIGH, 0.01 * i) for i in range(7)}
    found = of(
        features=columns(**many, b=(SAME, 0.79)),
        realised=came(calibration_error=0.2),
    )
    assert [f.severity for f in found] == [Severity.ALARM, Severity.WARNING]
    assert found[1].words.endswith("f6, f5, f4, f3, f2 and 2 more")


# --- what follows ------------------------------------------------------------------------------


def report(*found, realised=None):
    changes = Changes(
        then="t", now="n", rows_then=1000, rows_now=1000, promised_auc=None,
        features=columns(a=(SAME, 1.0)), predictions=columns(p=(SAME, 0.0)),
        expected_then=expected_figures(SHARP), expected_now=expected_figures(SHARP),
        realised=realised,
    )  # fmt: skip
    return Report("digest", "2018-01-01T00:00:00Z", changes, found)


MOVED = Finding(Severity.ALARM, "a moved", Advice.RETRAIN)
BROKEN = Finding(Severity.ALARM, "b is unknown", Advice.REPAIR)
LOOK = Finding(Severity.WARNING, "c shifted", Advice.LOOK)


@pytest.mark.parametrize(
    ("found", "retrain", "step"),
    [
        ((), False, "nothing"),
        ((LOOK,), False, "look at what is named"),
        ((MOVED, LOOK), True, "train again, compare, and promote"),
        ((BROKEN,), False, "do not train on them"),
        ((MOVED, BROKEN), True, "mend the source first"),
    ],
)
def test_an_alarm_that_training_would_mend_suggests_it(found, retrain, step):
    told = report(*found)
    assert told.retrain is retrain
    assert step in next_step(told)


def test_the_verdict_counts_and_says_whether_outcomes_judged():
    assert verdict(report()).startswith("nothing found; outcomes are not known yet")
    assert verdict(report(MOVED, BROKEN, LOOK, realised=came())) == (
        "2 alarms, 1 warning; judged by outcomes as well"
    )


def test_the_gate_reads_what_monitoring_writes(tmp_path):
    path = tmp_path / "monitored.json"
    path.write_text(json.dumps(report(MOVED, LOOK).to_dict(), allow_nan=False))
    read = Monitored.read(path)
    assert read == Monitored("digest", "2018-01-01T00:00:00Z", ("a moved",))
    refused = refusals(Evidence("digest", (), monitored=read))
    assert "monitoring of 2018-01-01T00:00:00Z must be quiet: a moved" in refused


# --- which outcomes judge ----------------------------------------------------------------------


def dates(now_day, cohorts=None, **rules):
    windows = HORIZONS.model_copy(update={"lag_days": 2})
    found = matured(0, now_day * DAY_US, windows=windows, rules=Monitoring(**rules),
                    cohorts=cohorts)  # fmt: skip
    return [at // DAY_US for at in found]


def test_outcomes_that_judge_are_complete_new_and_do_not_overlap():
    assert dates(57) == []  # the first outcome behind that of training ends on day 56, told on 58
    assert dates(58) == [28]
    assert dates(100) == [70, 42]
    assert dates(200) == [170, 142, 114]
    assert dates(200, dates=1) == [170]
    cohorts = QuietCohorts({day * DAY_US: frozenset("ab") for day in (0, 28, 56, 84, 112)})
    assert dates(100, cohorts) == [56, 28]


# --- all of it, on simulated customers ---------------------------------------------------------


def world(folder, *, dearer=1.0, stay=1.0, changed_days=TRAINED_BEFORE):
    """Customers who come and go at constant rates; prices and rates change before `NOW`."""
    rng = np.random.default_rng(11)
    owner, at = [], []
    customer = 0
    for _ in range(SLOTS):
        day = -rng.exponential(150)
        while day < DAYS:
            life, rate = rng.exponential(150), rng.gamma(3, 0.05)
            times = day + rng.uniform(0, life, rng.poisson(rate * life))
            owner += [customer] * len(times)
            at += times.tolist()
            customer, day = customer + 1, day + life
    owner, at = np.array(owner), np.array(at)
    value = rng.lognormal(7, 0.5, len(at))
    after = at >= DAYS - changed_days
    kept = (at > 0) & (at < DAYS - 0.01) & (~after | (rng.random(len(at)) < stay))
    value = np.where(after, value * dearer, value)
    stamps = NOW_US - ((DAYS - at) * DAY_US).astype(np.int64)
    folder.mkdir(exist_ok=True)
    return store_of_orders(folder, owner[kept], stamps[kept], value[kept].astype(np.int64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("monitored")


@pytest.fixture(scope="module")
def bundled(folder, train_on):
    quick = QUICK.model_copy(update={"dates": 4})
    return train_on(world(folder / "steady"), now=TRAINED, training=quick)


@pytest.fixture(scope="module")
def watch(bundled):
    """`watch(store, bundle=..., now=...)`: the report."""

    def run(store, bundle=bundled.bundle, now=NOW, rules=RULES, **options):
        return monitor(
            bundle,
            digest="digest",
            judged_at=JUDGED,
            promised=bundled.figures,
            store=store,
            now=now,
            catalogue=CATALOGUE.keep(*bundle.features),
            wall=zone("Europe/Warsaw"),
            horizons=HORIZONS,
            training=QUICK,
            rules=rules,
            **options,
        )

    return run


@pytest.fixture(scope="module")
def steady(watch, folder):
    return watch(world(folder / "steady-again"))


def test_where_nothing_changes_there_is_no_alarm(steady):
    assert steady.alarms == ()
    changes = steady.changes
    assert changes.then == iso(JUDGED)
    assert changes.realised is not None
    assert len(changes.realised.dates) == 3
    assert changes.realised.expected.auc.low < changes.realised.auc.value
    assert sum(f.weight for f in changes.features) == pytest.approx(1)


def test_then_is_the_very_date_of_the_promised_figures(steady, bundled):
    """As many customers as judged the bundle, and the same mean risk."""
    assert steady.changes.rows_then == bundled.rows["churn_test"]
    promised = next(f for f in bundled.figures if f.name == "churn AUC")
    assert steady.changes.promised_auc == Estimate(promised.model, promised.low, promised.high)


def test_dearer_goods_move_what_is_spent(watch, folder):
    found = watch(world(folder / "dearer", dearer=5.0)).changes
    moved = {w.name for w in found.features if w.level is Level.MOVED}
    assert {"spend_28d", "spend_91d"} <= moved
    assert "orders_28d" not in moved
    margin = next(w for w in found.predictions if w.name == "expected_margin")
    assert margin.level is Level.MOVED
    assert margin.mean_now > 1.4 * margin.mean_then


def test_a_change_of_behaviour_shows_in_outcomes_where_no_feature_tells(watch, folder):
    """Three in four orders of the last 28 days fail to come: who judged them knew nothing."""
    store = world(folder / "fewer", stay=0.25, changed_days=HORIZONS.churn_days)
    before = watch(store, now=NOW - dt.timedelta(days=HORIZONS.churn_days))
    assert before.alarms == ()  # the day before it began
    after = watch(store, rules=Monitoring(dates=1))
    assert after.retrain
    told = " ".join(after.reasons)
    assert "no longer mean what they say" in told
    assert "times as many left as predicted" in told
    judged = after.changes.realised
    assert judged.rate.low > judged.expected.rate.high


def test_a_model_of_the_risk_without_contact_is_judged_by_quiet_customers(watch, bundled, folder):
    store = world(folder / "quiet")
    alone = replace(bundled.bundle, churn=replace(bundled.bundle.churn, estimand=WITHOUT_CONTACT))
    start = NOW_US - 30 * DAY_US
    some = frozenset(store.customer_ids[::4])
    judged = watch(store, alone, cohorts=QuietCohorts({start: some})).changes.realised
    assert judged is None  # a quarter of the active customers are fewer than `least_rows`
    everyone = frozenset(store.customer_ids)
    judged = watch(store, alone, cohorts=QuietCohorts({start: everyone})).changes.realised
    assert judged.dates == (iso(start),)


def test_now_must_lie_behind_training_and_somebody_be_active(watch, bundled, folder):
    store = world(folder / "errors")
    with pytest.raises(ValueError, match=r"now must be after the date that judged the bundle, "):
        watch(store, now=TRAINED - dt.timedelta(days=HORIZONS.churn_days))
    with pytest.raises(ValueError, match=r"somebody must be active.*found nobody at 2020-"):
        watch(store, now=NOW + dt.timedelta(days=800))
