"""What is registered loads as a plain MLflow model, where nothing of this checkout is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mlflow.tracking", reason="the extra 'train' is not installed")

from models.component import COMPONENTS
from models.predict import predict
from training.tracking import Registry

pytestmark = pytest.mark.slow

ELSEWHERE = """
import ast, json, pathlib, sys
import mlflow
import numpy as np
import pandas as pd

sys.path = [p for p in sys.path if p not in {strangers!r}]
mlflow.set_tracking_uri({uri!r})
told = {{}}
for name, which in {models!r}.items():
    model = mlflow.pyfunc.load_model(f"models:/{{name}}{{which}}")
    example = pd.DataFrame(model.input_example)
    inputs = model.metadata.get_input_schema()
    numbers = [n for n in inputs.input_names() if n != "hour_counts"]
    example = example.astype(dict.fromkeys(numbers, float))
    scored = model.predict(example)
    assert list(scored.columns) == model.metadata.get_output_schema().input_names()
    told[name] = {{
        "required": inputs.required_input_names(),
        "example": json.loads(example.to_json(orient="records"))[0],
        "scored": json.loads(scored.to_json(orient="records", double_precision=15))[0],
    }}
    if numbers:
        try:
            model.predict(example.drop(columns=numbers[0]))
        except mlflow.exceptions.MlflowException as error:
            told[name]["refused"] = str(error)
import models
told["code"] = models.__file__
trees = [
    ast.parse(pathlib.Path(module.__file__).read_text())
    for name, module in list(sys.modules.items()) if name.partition(".")[0] == "models"
]
nodes = [node for tree in trees for node in ast.walk(tree)]
told["imports"] = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
told["imports"] += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
told["required"] = pathlib.Path(
    mlflow.pyfunc.get_model_dependencies("models:/bocian-bundle@challenger")
).read_text().splitlines()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(trained, tmp_path_factory):
    """What another process, which imports nothing of ours, makes of the registered models."""
    folder = tmp_path_factory.mktemp("pyfunc")
    uri = f"sqlite:///{folder}/mlflow.db"
    Registry(uri, folder / "artifacts").register(trained, inputs="in1")
    names = {"bocian-bundle": "@challenger"} | {f"bocian-{name}": "/1" for name in COMPONENTS}
    # Before anybody loads it: what is compiled then lies beside the code.
    kinds = {file.suffix for file in (folder / "artifacts").rglob("*") if file.is_file()}
    strangers = [p for p in sys.path if (Path(p) / "models" / "bundle.py").is_file()]
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:mlflow", "-c",
         ELSEWHERE.format(strangers=strangers, uri=uri, models=names)],
        cwd=folder,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), kinds


def test_its_code_is_its_own(told):
    found, _ = told
    assert "/code/models/" in found["code"]


def test_what_its_code_imports_is_required(told):
    found, _ = told
    imported = {name.partition(".")[0] for name in found["imports"]}
    required = {line.partition("==")[0] for line in found["required"]}
    assert imported - sys.stdlib_module_names - {"models"} <= required


def test_the_bundle_predicts_elsewhere_what_it_predicts_here(told, trained):
    bundle, found = trained.bundle, told[0]["bocian-bundle"]
    row = np.array([[np.nan if (v := found["example"][n]) is None else v for n in bundle.features]])
    since = row[:, list(bundle.features).index("days_since_last_order")]
    here = predict(bundle, row, since, np.zeros((1, 168), np.int64))
    for name in ("churn_probability", "expected_margin", "margin_low", "margin_high"):
        assert found["scored"][name] == pytest.approx(getattr(here, name)[0], rel=1e-12)
    assert found["scored"]["churn_applies"] is bool(here.churn_applies[0])
    assert found["scored"]["likeliest_hour"] == here.hours[0].argmax()


def test_components_predict_too(told):
    found, _ = told
    whole = found["bocian-bundle"]["scored"]
    risk = found["bocian-churn"]["scored"]["churn_probability"]
    assert risk == pytest.approx(whole["churn_probability"])
    margin = found["bocian-clv"]["scored"]["expected_margin"]
    assert margin == pytest.approx(whole["expected_margin"])
    assert sum(found["bocian-send_time"]["scored"]["hours"]) == pytest.approx(1)
    assert set(found["bocian-effects"]["scored"]) == {"call/call_center", "offer/email"}


def test_every_feature_must_come_also_where_it_is_unknown(told, trained):
    for name in ("bocian-bundle", "bocian-churn", "bocian-clv"):
        found = told[0][name]
        assert found["required"] == list(trained.bundle.features)
        assert next(iter(trained.bundle.features)) in found["refused"]
    assert told[0]["bocian-send_time"]["required"] == ["hour_counts"]


def test_the_example_is_nobodys_own(told, trained):
    example = told[0]["bocian-churn"]["example"]
    for name, value in example.items():
        assert value == pytest.approx(trained.bundle.usual.get(name)), name


def test_no_pickle_is_in_it(told):
    _, kinds = told
    assert kinds <= {".py", ".txt", ".json", ".yaml", ".svg", ".md", "", ".html"}
