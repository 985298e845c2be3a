"""Batch runs on Spark; the one place that knows it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from bocian.settings import SettingsError
from features.events import SORT_ORDER, STORED
from features.frame import Work
from features.spark import COLUMNS_READ, InSpark, ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_READ = [name for name in STORED.names if name in {*SORT_ORDER, *COLUMNS_READ}]

_CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # One task, one core: numba and LightGBM would start threads of their own.
    "spark.executorEnv.NUMBA_NUM_THREADS": "1",
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",  # it would listen on all interfaces, and asks for no password
}


METADATA = "_bocian.json"
"""In a folder that was written, what a single Parquet file says of itself in its own metadata."""


class SparkError(RuntimeError):
    """Spark is not there, or a job of it failed."""


@dataclass(frozen=True)
class Spark:
    """Where Spark runs, such as `local[2]` or `spark://host:7077`, and its own settings."""

    master: str
    conf: tuple[tuple[str, str], ...] = ()


def chosen(engine: str, master: str | None, conf: Sequence[str]) -> Spark | None:
    """What `--engine`, `--master` and `--conf` say; None is this process.

    Raises:
        SettingsError: They do not fit together.
    """
    if engine != "spark":
        if master or conf:
            raise SettingsError(
                f"--master and --conf go with --engine spark, got: --engine {engine}"
            )
        return None
    if wrong := [setting for setting in conf if "=" not in setting.lstrip("=")]:
        raise SettingsError(f"--conf must be KEY=VALUE, got: {wrong[0]!r}")
    pairs = [setting.partition("=") for setting in conf]
    return Spark(master or "local[2]", tuple((key, value) for key, _, value in pairs))


@contextmanager
def session(spark: Spark) -> Iterator[SparkSession]:
    """A session within the context.

    Raises:
        SparkError: pyspark or Java is missing, or Spark does not start or fails within the context.
    """
    check_installed(importlib.util.find_spec, os.environ)
    from py4j.protocol import Py4JError  # noqa: PLC0415
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    conf = _CONF | dict(spark.conf)
    # These two are read from the environment alone, of this process and of those it starts.
    if python := conf.get("spark.pyspark.python"):
        os.environ["PYSPARK_PYTHON"] = python
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if spark.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # nobody else needs to reach it
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        try:
            opened = SparkSession.builder.master(spark.master).appName("bocian")
            running = opened.config(map=conf).getOrCreate()
            try:
                yield running
            finally:
                running.stop()
        except (PySparkException, Py4JError) as error:
            raise SparkError(f"Spark at {spark.master} failed: {_cause(error)}") from error


def write(
    session: SparkSession,
    files: Sequence[Path],
    tail: pa.Table,
    work: Work,
    folder: Path,
    metadata: Mapping[str, str],
) -> None:
    """Write what `work` makes of everyone's events into `folder`, in place of what was there.

    Args:
        session: A session.
        files: Parquet files of the schema `STORED`, which every machine can read.
        tail: Further events, of the same schema.
        work: Its schema is that of the Parquet files written.
        folder: Which every machine can write.
        metadata: What the folder says of itself.
    """
    draft = folder.with_name(f".{folder.name}.draft")
    events = _events(session, files, tail)
    # All of a customer's events meet in one partition, in the store's order.
    customers = events.repartition("customer_id").sortWithinPartitions(*SORT_ORDER)
    done = customers.select(*COLUMNS_READ).mapInArrow(InSpark(work), ddl(work.schema))
    done.write.mode("overwrite").parquet(_address(draft))
    (draft / METADATA).write_text(json.dumps(metadata, indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _events(session: SparkSession, files: Sequence[Path], tail: pa.Table) -> DataFrame:
    parts = []
    if files:
        read = session.read.schema(ddl(STORED))
        parts.append(read.parquet(*map(_address, files)).select(*_READ))
    if len(tail) or not files:
        parts.append(session.createDataFrame(tail.select(_READ)))
    first, *rest = parts
    for part in rest:
        first = first.unionByName(part)
    return first


def _address(path: Path) -> str:
    """With its scheme: where a cluster's default is another file system, the path is still ours."""
    return f"file://{path.absolute()}"


def check_installed(find: Callable[[str], object], environ: Mapping[str, str]) -> None:
    """Look for what Spark needs.

    Args:
        find: Gives None for a package that is not installed.
        environ: Of this process.

    Raises:
        SparkError: pyspark or Java is missing.
    """
    if find("pyspark") is None:
        raise SparkError(
            "`--engine spark` needs the package pyspark, found none: install the extra 'spark' "
            "(in a checkout: `make spark`)"
        )
    home = environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else environ.get("PATH", "")) is None:
        where = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise SparkError(
            f"`--engine spark` needs Java 17 or newer, found no `java` {where}: on Debian or "
            f"Ubuntu, apt-get install openjdk-17-jre-headless"
        )


def _cause(error: Exception) -> str:
    """What went wrong, without Java's and Python's lists of calls."""
    lines = [line.strip(" \t:") for line in str(error).splitlines()]
    calls = ("at ", "File ", "...", "Driver stacktrace")
    told = [line for line in lines if line and not line.startswith(calls)]
    return told[-1] if told else type(error).__name__
