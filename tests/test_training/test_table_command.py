"""`bocian train --table` and `bocian score --table`, from file to file."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from bocian.commands.table import score, train
from models.table import TableError, load
from training.tables import read

HEADER = "customer;charges;contract;churn\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """300 customers as a Polish spreadsheet would export them."""
    rng = np.random.default_rng(1)
    charges, yearly = rng.normal(50, 20, 300), rng.random(300) < 0.4
    churned = rng.random(300) < 1 / (1 + np.exp(2 + 2 * yearly - 0.05 * charges))
    rows = [
        f"c{i};{f'{charges[i]:.2f}'.replace('.', ',')};{'rok' if yearly[i] else 'miesiąc'};"
        f"{'tak' if churned[i] else 'nie'}\n"
        for i in range(300)
    ]
    path = tmp_path_factory.mktemp("table") / "customers.2024.csv"
    path.write_text(HEADER + "".join(rows))
    return path


@pytest.fixture(scope="module")
def model(file):
    return train(
        file,
        "churn",
        identifier="customer",
        positive="tak",
        protected=(),
        folder=None,
        as_json=True,
    )


def test_training_leaves_model_figures_and_picture(file, model):
    assert model == file.with_name("customers-model")
    report = json.loads((model / "figures.json").read_text())
    assert report["rows"] == 300
    assert report["positive"] == "churn = tak"
    assert report["columns"] == ["charges", "contract"]
    assert report["set_aside"] == {"customer": "the identifier"}
    figures = {f["name"]: f for f in report["figures"]}
    assert 0.5 < figures["AUC"]["low"] < figures["AUC"]["model"] < figures["AUC"]["high"] < 1
    assert "<svg" in (model / "reliability-and-gains.svg").read_text()


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_scores_are_the_models_in_the_tables_order(file, model, tmp_path, name):
    to = score(file, model, tmp_path / "new" / name, identifier="customer", as_json=True)
    rows = pa_csv.read_csv(to) if to.suffix == ".csv" else pq.read_table(to)
    assert rows["customer"].to_pylist() == [f"c{i}" for i in range(300)]
    expected = load(model).probability(read(file))
    np.testing.assert_allclose(rows["prediction"].to_numpy(), expected, rtol=1e-12)


def test_without_an_identifier_rows_are_numbered(file, model, tmp_path):
    to = score(file, model, tmp_path / "s.parquet", identifier=None, as_json=True)
    assert pq.read_table(to)["row"].to_pylist() == list(range(300))


def test_a_person_is_told_what_was_set_aside(file, tmp_path, capsys):
    train(
        file,
        "churn",
        identifier="customer",
        positive="tak",
        protected=["contract"],
        folder=tmp_path,
        as_json=False,
    )
    told = capsys.readouterr().out
    assert "contract: protected" in told
    assert "customer: the identifier" in told
    assert "calibration slope" in told


@pytest.mark.parametrize(
    ("to", "identifier", "message"),
    [
        ("s.xlsx", None, r"--out must end in \.csv or \.parquet, got: .*s\.xlsx"),
        ("s.csv", "id", r"--id must name a column of the table, got: 'id'"),
    ],
)
def test_what_cannot_be_written_is_refused(file, model, tmp_path, to, identifier, message):
    with pytest.raises(TableError, match=message):
        score(file, model, tmp_path / to, identifier=identifier, as_json=True)
    assert not (tmp_path / to).exists()
