"""What `--engine spark` needs and takes; no Spark is started here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bocian.commands.spark import Spark, SparkError, check_installed, chosen
from bocian.settings import SettingsError


def found(_name: str) -> object:
    return object()


@pytest.fixture
def with_java(tmp_path: Path) -> Path:
    """A folder of programs in which there is a `java`."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch()
    java.chmod(0o755)
    return java.parent


def test_a_missing_package_names_the_extra():
    with pytest.raises(SparkError, match=r"package pyspark, found none: .* extra 'spark'"):
        check_installed(lambda _name: None, {})


def test_a_missing_java_names_the_system_package(tmp_path):
    needed = "needs Java 17 or newer, found no `java` {}: .*openjdk-17-jre-headless"
    with pytest.raises(SparkError, match=needed.format("on the PATH")):
        check_installed(found, {"PATH": str(tmp_path)})
    with pytest.raises(SparkError, match=needed.format(f"in JAVA_HOME={tmp_path}")):
        check_installed(found, os.environ | {"JAVA_HOME": str(tmp_path)})


def test_java_is_found_on_the_path_or_at_home(with_java):
    check_installed(found, {"PATH": str(with_java)})
    check_installed(found, {"PATH": "", "JAVA_HOME": str(with_java.parent)})


def test_the_embedded_engine_takes_no_options_of_spark():
    assert chosen("embedded", None, []) is None
    for master, conf in (("local[2]", []), (None, ["a=b"])):
        with pytest.raises(SettingsError, match="go with --engine spark, got: --engine embedded"):
            chosen("embedded", master, conf)


def test_settings_of_spark_are_keys_and_values():
    assert chosen("spark", None, []) == Spark("local[2]")
    given = chosen("spark", "yarn", ["a.b=1", "c=-Dx=y", "d="])
    assert given == Spark("yarn", (("a.b", "1"), ("c", "-Dx=y"), ("d", "")))
    for wrong in ("ab", "=b"):
        with pytest.raises(SettingsError, match=f"--conf must be KEY=VALUE, got: '{wrong}'"):
            chosen("spark", None, [wrong])
