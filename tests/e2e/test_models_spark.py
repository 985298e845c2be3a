"""The registered bundle as a Spark function gives what it gives here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bocian import wiring
from features.catalogue import CATALOGUE
from features.clock import to_us
from features.engine import compute
from features.hours import hour_of_week_counts
from models.pyfunc import HOUR_COUNTS, scorer

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

IN_SPARK = """
import mlflow
from pyspark.sql import SparkSession
from pyspark.sql.functions import struct

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
mlflow.set_tracking_uri({uri!r})
score = mlflow.pyfunc.spark_udf(spark, "models:/bocian-bundle@champion", env_manager="local")
rows = spark.read.parquet({rows!r}).repartition(3)
inputs = [name for name in rows.columns if name != "customer_id"]
scored = rows.select("customer_id", score(struct(*inputs)).alias("scored"))
scored.select("customer_id", "scored.*").write.parquet({scored!r})
"""


def test_spark_gives_the_same_bits(shop, require, tmp_path):
    require(importlib.util.find_spec("pyspark"), "pyspark not found: make spark")
    require(shutil.which("java"), "java not found: apt-get install openjdk-17-jre-headless")
    settings = shop.settings
    registry = wiring.registry(settings)
    bundle = scorer(registry.download(registry.champion(), "bundle", tmp_path))
    at, wall, columns = to_us(settings.now), wiring.wall(settings), []
    for block in wiring.event_store(settings).blocks():
        matrix = compute(block, np.array([at]), CATALOGUE.keep(*bundle.numbers), wall)[:, 0]
        own = dict(zip(CATALOGUE.keep(*bundle.numbers).names, matrix.T, strict=True))
        own |= {HOUR_COUNTS: list(hour_of_week_counts(block, at, wall))}
        columns.append(pd.DataFrame({"customer_id": block.customer_ids} | own))
    rows = pd.concat(columns, ignore_index=True)
    rows.to_parquet(tmp_path / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-c", IN_SPARK.format(uri=settings.mlflow_uri,
                                               rows=str(tmp_path / "rows.parquet"),
                                               scored=str(tmp_path / "scored"))],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    scored = pd.read_parquet(tmp_path / "scored").set_index("customer_id").loc[rows.customer_id]
    here = bundle.score(
        {name: rows[name].to_numpy() for name in bundle.numbers}
        | {HOUR_COUNTS: np.stack(list(rows[HOUR_COUNTS]))}
    )
    assert len(rows) > 200
    for name, column in here.items():
        np.testing.assert_array_equal(scored[name].to_numpy(), column, err_msg=name)
