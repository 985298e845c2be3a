"""The notebooks run from beginning to end, and are committed without what they once gave."""

from __future__ import annotations

import ast
import csv
import datetime as dt
import os
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from bocian import wiring
from bocian.commands.ingest import ingest_all
from bocian.commands.train import protected_attributes
from bocian.settings import load
from features.catalogue import CATALOGUE
from training.pipeline import Declared, train

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
START, DAYS = dt.datetime(2025, 1, 1, tzinfo=dt.UTC), 400

CONFIG = """
[business]
time_zone = "UTC"

[clock]
now = 2026-02-05T00:00:00Z

[[sources]]
name = "orders"
files = { orders = "orders.csv" }
columns = { event_id = "id", customer_id = "customer", occurred_at = "ordered_at", type = "'order'", value_minor = "value", quantity = "1" }

[profiles]
files = { orders = "orders.csv" }
query = "SELECT DISTINCT customer AS customer_id, 'en' AS language, 'UTC' AS time_zone, customer || '@shop.invalid' AS email, NULL AS phone, NULL AS push_token FROM orders"

[consents]
files = { orders = "orders.csv" }
query = "SELECT DISTINCT customer AS customer_id, 'marketing' AS purpose, 'email' AS channel, TRUE AS given, TIMESTAMP '2025-01-01' AS given_at, 'test' AS means, 'consent' AS legal_basis FROM orders"

[protected]
files = { orders = "orders.csv" }
query = "SELECT DISTINCT customer AS customer_id, CASE WHEN substr(customer, 2)::INT % 2 = 0 THEN 'north' ELSE 'south' END AS district FROM orders"
attributes = ["district"]

[training]
trials = 0
dates = 10
threads = 1
bootstrap = 100

[[actions]]
id = "thank_you"
description = "Thank them"
channels = ["email"]
effect = { share = 0.1 }
"""  # noqa: E501 - TOML has inline tables on one line


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the demo's: 300 customers who order at rates of their own; some stop."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(7)
    with (folder / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "customer", "ordered_at", "value"])
        for customer in range(300):
            gaps = random.exponential(random.uniform(4, 30), 400)
            until = DAYS if random.random() < 0.5 else random.uniform(60, DAYS)
            for number, day in enumerate(np.cumsum(gaps)):
                if day >= until:
                    break
                at = START + dt.timedelta(days=float(day))
                value = int(random.lognormal(8, 0.5))
                rows.writerow([f"{customer}-{number}", f"c{customer}", at.isoformat(), value])
    config = folder / "bocian.toml"
    config.write_text(CONFIG)
    settings = load(config)
    store = ingest_all(settings, force=False).store
    document, effects = wiring.declared_policy(settings)
    trained = train(
        store,
        now=settings.now,
        catalogue=CATALOGUE,
        wall=wiring.wall(settings),
        horizons=settings.horizons,
        training=settings.training,
        declared=Declared(
            business=settings.business.model_dump(mode="json"),
            policy=document,
            effects=effects,
            protected=protected_attributes(settings),
            margin_rate=settings.business.margin,
            proxy_trust=settings.send_time.proxy_trust,
        ),
    )
    # Past the registry and its gate: a shop of 300 is too small to pass it.
    trained.bundle.save(folder / "bundle")
    shelf = wiring.shelf(settings)
    shelf.point_to(shelf.put(folder / "bundle"))
    return folder


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with Hillstrom's columns: 6,000 people, of whom an e-mail brings those who spend."""
    random = np.random.default_rng(8)
    n = 6_000
    history = random.gamma(1.5, 160, n)
    arm = random.integers(3, size=n)
    effect = np.where(arm == 0, 0.0, np.where(arm == 1, 0.08, 0.6 * (history > 300)))
    path = tmp_path_factory.mktemp("experiment") / "hillstrom.csv.gz"
    pd.DataFrame(
        {
            "recency": random.integers(1, 13, n),
            "history": history,
            "mens": random.integers(2, size=n),
            "womens": random.integers(2, size=n),
            "zip_code": random.choice(["Urban", "Surburban", "Rural"], n),
            "newbie": random.integers(2, size=n),
            "channel": random.choice(["Phone", "Web", "Multichannel"], n),
            "segment": np.array(["No E-Mail", "Mens E-Mail", "Womens E-Mail"])[arm],
            "visit": (random.random(n) < 0.1 + effect).astype(int),
        }
    ).to_csv(path, index=False)
    return path


def test_there_are_notebooks_and_they_are_numbered():
    assert NOTEBOOKS
    assert all(path.name[:2].isdigit() and path.name[2] == "_" for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean_and_only_imports(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        assert cell.outputs == [], f"{path.name} must be committed without outputs"
        assert cell.execution_count is None, f"{path.name} must be committed without counts"
        defined = [
            node
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)
        ]
        assert not defined, f"{path.name} must define nothing: {cell.source[:80]!r}"


def contents(folder: Path) -> dict[Path, bytes]:
    """Whatever SQLite's readers share (-shm), and the empty log that they leave, is no content."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    return {path: path.read_bytes() for path in files if not path.name.endswith("-shm")}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws_and_leaves_the_folder_as_it_was(path, shop, experiment):
    before = contents(shop)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=os.environ | {"BOCIAN_DEMO": str(shop), "HILLSTROM": str(experiment)})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 3
    assert contents(shop) == before
