"""Bars 3, 4 and 8: lifetime value on CDNOW and Complete Journey, and how fast BG/NBD is fitted.

No settings are tuned here: docs/decisions/0012-clv-hybrid.md says how they were chosen. Of a
holdout nothing is known to what predicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from clv_data import CDNOW_DAYS, CDNOW_END, Journey, cdnow, journey
from complete_journey import PLAIN_FEATURES
from lifetimes_race import race
from lightgbm import LGBMRegressor
from measure import REPLICATES, SEED, Bar, FloatArray, code_of, kept, rounded
from numpy.typing import NDArray

from models.lifetime import Counts, Hybrid, Value
from training import clv
from training.btyd import Summary, beta_geometric, gamma_gamma, pareto_nbd, summary
from training.clv.log import Log
from training.clv.transactions import fit_log
from training.evaluation.amounts import bias, pearson, rmse
from training.evaluation.bootstrap import interval
from training.evaluation.predictive import central_coverage, crps, randomised_pit
from training.evaluation.weighted import weighted_rmse

PARETO, BG, PLAIN = "pareto_nbd", "bg_nbd", "lightgbm_30_features"
LEVELS = (0.5, 0.8, 0.9, 0.95)
ROOT = Path(__file__).parents[2]
Pair = tuple[FloatArray, FloatArray]
"""Of transactions, and of money, for each customer."""
Models = Mapping[str, Callable[[], Pair]]
CODE = [ROOT / part for part in ("features", "models", "training", "benchmarks/quality")]


def bar_3(folder: Path) -> Bar:
    """CDNOW's whole log: 39 weeks teach, 39 weeks judge."""
    log = cdnow()
    known = log.until(CDNOW_END)
    came = log.after(CDNOW_END, CDNOW_END + CDNOW_DAYS, known.names)

    @cache
    def ours() -> tuple[Hybrid, Value]:
        fitted = fit_log(known, CDNOW_END, CDNOW_DAYS, threads=2)
        return fitted.hybrid, fitted.value(CDNOW_DAYS)

    def mine() -> Pair:
        _, value = ours()
        return value.transactions, value.margin

    @cache
    def peer() -> Pair:
        """Pareto/NBD, and with Gamma-Gamma of the margins after each customer's first."""
        seen = _seen(known)
        model = pareto_nbd.fit(seen.histories).model
        money = gamma_gamma.fit(seen.histories.frequency, seen.mean_margin).model
        orders = model.expected_transactions(seen.histories, CDNOW_DAYS / 7)
        return orders, orders * money.expected_mean(seen.histories.frequency, seen.mean_margin)

    value: dict[str, Any] = {}
    for i, quantity in enumerate(("transactions", "spend")):
        models: Models = {"bocian": mine, PARETO: peer}
        p = predictions(folder, f"cdnow_{quantity}", "1997-09-30", models, known.names, came, i)
        value[quantity] = beside(came[i], p["bocian"], p[PARETO], known.names)
    value["spread"] = spread_of(*ours(), *came)
    return Bar(
        value=value,
        bar="RMSE ratio to Pareto/NBD (Gamma-Gamma) with an upper limit <= 1, |bias| smaller, "
        "Pearson not lower, both quantities; coverage within 2 points of what is stated",
        met=all(value[q]["met"] for q in ("transactions", "spend")) and value["spread"]["met"],
    )


def predictions(
    folder: Path,
    dataset: str,
    split: str,
    models: Models,
    customers: NDArray[Any],
    came: Pair,
    quantity: int,
) -> dict[str, FloatArray]:
    """What each model predicts of one quantity, kept."""
    by = code_of(CODE)
    return {
        name: kept(
            folder,
            (dataset, split, name),
            f"{by} {name}",
            lambda pair=pair: (customers, came[quantity], pair()[quantity]),  # type: ignore[misc]
        ).prediction
        for name, pair in models.items()
    }


def beside(
    actual: FloatArray, mine: FloatArray, peer: FloatArray, customers: NDArray[Any]
) -> dict[str, Any]:
    """Ours against a peer on the same customers."""
    ratio = rmse_ratio(actual, mine, peer, customers)
    mine_r, peer_r = pearson(actual, mine), pearson(actual, peer)
    mine_bias, peer_bias = bias(actual, mine), bias(actual, peer)
    return {
        "rmse": [round(rmse(actual, p), 4) for p in (mine, peer)],
        "rmse_ratio": ratio,
        "bias": [round(mine_bias, 4), round(peer_bias, 4)],
        "pearson": [round(mine_r, 4), round(peer_r, 4)],
        "met": ratio[2] <= 1 and abs(mine_bias) < abs(peer_bias) and mine_r >= peer_r,
    }


def rmse_ratio(
    actual: FloatArray, mine: FloatArray, peer: FloatArray, customers: NDArray[Any]
) -> list[float]:
    """RMSE ours / the peer's with its limits, paired, over resampled customers."""
    ours, theirs = weighted_rmse(actual, mine), weighted_rmse(actual, peer)
    return rounded(
        interval(lambda w: ours(w) / theirs(w), customers, replicates=REPLICATES, seed=SEED)
    )


def spread_of(
    hybrid: Hybrid, value: Value, transactions: FloatArray, margin: FloatArray
) -> dict[str, Any]:
    """Coverage of central intervals by randomised PIT, and CRPS."""
    counts = Counts(value.transactions, value.size)
    middles = (np.arange(50) + 0.5) / 50
    quantiles = {
        "transactions": [counts.quantile(q) for q in middles],
        "spend": [*hybrid.spread.margin_quantiles(counts, value.margin, middles)],
    }
    pits = {
        "transactions": hybrid.transactions_probabilities(value, transactions),
        "spend": hybrid.margin_probabilities(value, margin),
    }
    told: dict[str, Any] = {}
    for name, came in (("transactions", transactions), ("spend", margin)):
        pit = randomised_pit(*pits[name], seed=SEED)
        told[name] = {
            "coverage": {str(level): round(central_coverage(pit, level), 4) for level in LEVELS},
            "crps": round(crps(came, quantiles[name]), 4),
        }
    told["met"] = all(
        abs(held - float(level)) <= 0.02
        for name in pits
        for level, held in told[name]["coverage"].items()
    )
    return told


def bar_4(folder: Path) -> Bar:
    """Complete Journey's households at the end of 2017-09-30, and their next 91 days."""
    data = journey(folder.parent / "complete_journey")
    judged = data.judged
    came = (judged.order_days_after.astype(np.float64), judged.spend_after.astype(np.float64))

    @cache
    def ours() -> Pair:
        fitted = clv.fit(
            data.past,
            data.split,
            horizons=data.settings.horizons,
            training=data.settings.training,
            margin_rate=1.0,
        )
        value = fitted.model.value(judged.features)
        return value.transactions, value.margin

    models: Models = {"bocian": ours, PLAIN: lambda: plain(data), BG: lambda: bg_nbd(data)}
    value: dict[str, Any] = {}
    for i, quantity in enumerate(("trips", "spend")):
        dataset = f"complete_journey_{quantity}"
        p = predictions(folder, dataset, "2017-09-30", models, judged.customer_id, came, i)
        over = {
            peer: rmse_ratio(came[i], p["bocian"], p[peer], judged.customer_id)
            for peer in (PLAIN, BG)
        }
        value[quantity] = {
            "rmse": {name: round(rmse(came[i], values), 4) for name, values in p.items()},
            "bias": {name: round(bias(came[i], values), 4) for name, values in p.items()},
            "rmse_ratio": over,
            "met": over[PLAIN][0] <= 1 and over[BG][2] < 1,
        }
    return Bar(
        value=value,
        bar="RMSE of trips and spend not above a plain LightGBM's, trained at 2017-07-01, and "
        "below BG/NBD's (Gamma-Gamma) with an interval that excludes it",
        met=all(of["met"] for of in value.values()),
    )


def plain(data: Journey) -> Pair:
    """Small trees on 30 features, of the latest date whose labels were known."""
    past = data.past.at([data.split.dates[0]])
    columns = [past.names.index(name) for name in PLAIN_FEATURES]

    def predicted(label: NDArray[np.int64]) -> FloatArray:
        model = LGBMRegressor(
            num_leaves=8,
            n_estimators=300,
            learning_rate=0.02,
            random_state=1,
            n_jobs=2,
            verbosity=-1,
        ).fit(past.features[:, columns], label)
        return np.asarray(model.predict(data.judged.features[:, columns]))

    return predicted(past.order_days_after), predicted(past.spend_after)


def bg_nbd(data: Journey) -> Pair:
    """BG/NBD and Gamma-Gamma of all that the day knew."""
    past = data.columns.past(data.judged.features)
    orders = beta_geometric.fit(past.histories).model.expected_transactions(past.histories, 13)
    money = gamma_gamma.fit(past.transactions, past.mean_margin).model
    return orders, orders * money.expected_mean(past.transactions, past.mean_margin)


def bar_8(folder: Path) -> Bar:
    """BG/NBD as published on CDNOW's sample, and beside lifetimes on the whole log."""
    sample = cdnow("CDNOW_sample.txt").until(CDNOW_END)
    published = (0.243, 4.414, 0.793, 2.426)
    found = beta_geometric.fit(_seen(sample).histories).model
    parameters = (found.r, found.alpha, found.a, found.b)
    golden = all(abs(x - y) < 5e-4 for x, y in zip(parameters, published, strict=True))
    histories = _seen(cdnow().until(CDNOW_END)).histories
    seconds = race(histories, folder.parent / "lifetimes")
    return Bar(
        value={
            "parameters": [round(x, 4) for x in parameters],
            "published": published,
            "seconds": seconds,
        },
        bar="the published parameters to the third digit; 5 times as fast as lifetimes",
        met=golden and seconds["lifetimes"] >= 5 * seconds["bocian"],
    )


def _seen(log: Log) -> Summary:
    return summary(log.names[log.customer], log.day, log.margin, last_day=CDNOW_END)
