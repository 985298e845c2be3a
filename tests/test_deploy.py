"""What `deploy/` says of paths, ports, names and commands is what the code has."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from bocian.cli import app
from bocian.settings import Paths, Service, Settings
from serving.api.app import create_app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
GUIDE = (ROOT / "docs" / "deployment.md").read_text()


def _documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


DOCUMENTS = list(_documents())


def _pods() -> dict[str, dict[str, Any]]:
    """The pods' specifications by kind and name."""
    found = {}
    for document in DOCUMENTS:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found[f"{document['kind']}/{document['metadata']['name']}"] = spec["template"]["spec"]
    return found


PODS = _pods()


def _environment() -> set[str]:
    """Every variable of Bocian's that a file in `deploy/` sets or takes."""
    files = (p for p in DEPLOY.rglob("*") if p.suffix in (".yaml", "") and p.is_file())
    return set(re.findall(r"\bBOCIAN_[A-Z_]+[A-Z]\b", "".join(p.read_text() for p in files)))


OF_NO_SETTING = {"BOCIAN_CONFIG", "BOCIAN_API_KEY", "BOCIAN_FOLDER"}
"""Of the command line and of the compose file alone."""


def test_each_variable_is_a_setting():
    names = _environment() - OF_NO_SETTING
    assert {"BOCIAN_PATHS__LEDGER", "BOCIAN_POLICY__SECRET", "BOCIAN_SERVICE__HOST"} <= names
    for name in names:
        section, _, key = name.removeprefix("BOCIAN_").lower().partition("__")
        annotation = Settings.model_fields[section].annotation
        assert key in annotation.model_fields, name


def test_all_that_bocian_writes_lies_in_one_folder_of_the_image():
    set_here = dict(re.findall(r"(BOCIAN_PATHS__[A-Z]+)=(\S+)", DOCKERFILE))
    elsewhere = {"ledger", "mlflow"}  # addresses, given from outside
    assert set(set_here) == {
        f"BOCIAN_PATHS__{name.upper()}" for name in Paths.model_fields if name not in elsewhere
    }
    assert all(path.startswith("/var/lib/bocian/") for path in set_here.values())


def test_ports_are_the_settings():
    port = Service().port
    assert f"EXPOSE {port}" in DOCKERFILE
    assert f"127.0.0.1:{port}/healthz" in DOCKERFILE
    assert COMPOSE["services"]["service"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    (container,) = PODS["Deployment/bocian"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    (send,) = PODS["CronJob/send"]["containers"]
    assert f"http://bocian:{port}" in send["args"]


def test_probes_ask_paths_that_answer():
    def no_engine() -> Any:
        raise AssertionError("the routes alone are wanted")

    routes = {route.path for route in create_app(no_engine).routes}  # type: ignore[attr-defined]
    (container,) = PODS["Deployment/bocian"]["containers"]
    asked = {
        container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }
    assert asked == {"/healthz", "/readyz"} <= routes


def test_commands_and_their_options_exist():
    top = typer.main.get_command(app)
    runs = [c["args"] for spec in PODS.values() for c in spec["containers"] if "args" in c]
    runs.append(re.findall(r'^CMD \["(serve)"\]$', DOCKERFILE, flags=re.MULTILINE))
    assert len(runs) == 7
    for words in runs:
        command = top
        for word in words:
            command = getattr(command, "commands", {}).get(word, command)
        options = {word for word in words if word.startswith("--")}
        assert options <= {name for p in command.params for name in p.opts}, words
        assert command is not top


@pytest.mark.parametrize("name", PODS)
def test_every_container_may_do_little(name):
    spec = PODS[name]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {volume["name"] for volume in spec["volumes"]}
        assert mounts - {"data"} <= claimed


def test_secrets_are_named_and_never_given():
    assert [d for d in DOCUMENTS if d["kind"] == "Secret"] == []
    references = [
        variable["valueFrom"]["secretKeyRef"]
        for spec in PODS.values()
        for container in spec["containers"]
        for variable in container.get("env", ())
        if "valueFrom" in variable
    ]
    assert {r["name"] for r in references} == {"bocian"}
    for key in {r["key"] for r in references}:
        assert f"--from-literal={key}=" in GUIDE, f"the guide must say how {key!r} is made"


def test_selectors_find_their_pods():
    labels = {
        tuple(document["spec"]["template"]["metadata"]["labels"].items())
        for document in DOCUMENTS
        if document["kind"] in ("Deployment", "StatefulSet")
    }
    for document in DOCUMENTS:
        if document["kind"] == "Service":
            assert tuple(document["spec"]["selector"].items()) in labels
        if document["kind"] == "PodDisruptionBudget":
            assert tuple(document["spec"]["selector"]["matchLabels"].items()) in labels


def test_the_image_is_made_of_what_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    assert set(packages) <= sources
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE))
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE))
    built = {s["build"]["target"] for s in COMPOSE["services"].values() if "build" in s}
    assert built == {"serve", "train"} <= targets
    used = {c["image"] for spec in PODS.values() for c in spec["containers"]}
    assert used - {COMPOSE["services"]["ledger"]["image"]} == {"bocian-serve", "bocian-train"}


def test_the_images_lock_holds_the_database_and_telemetry_with_hashes():
    lock = (DEPLOY / "requirements.lock").read_text()
    names = re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE)
    assert {"psycopg", "opentelemetry-exporter-otlp-proto-http", "hatchling"} <= set(names)
    assert {"mlflow", "pandas", "duckdb"}.isdisjoint(names)
    assert lock.count("--hash=sha256:") >= len(names)
    serve = (ROOT / "requirements-serve.lock").read_text()
    assert set(re.findall(r"^\S+==\S+", serve, flags=re.MULTILINE)) <= set(
        re.findall(r"^\S+==\S+", lock, flags=re.MULTILINE)
    )


def test_the_kustomization_lists_every_manifest():
    listed = next(d for d in DOCUMENTS if d["kind"] == "Kustomization")["resources"]
    assert set(listed) | {"kustomization.yaml"} == {path.name for path in MANIFESTS}


def test_mlflows_server_is_configured_as_on_one_machine():
    lines = (ROOT / "mlflow" / "server.env").read_text().splitlines()
    known = {line.partition("=")[0] for line in lines if "=" in line}
    (container,) = PODS["Deployment/mlflow"]["containers"]
    names = {variable["name"] for variable in container["env"]}
    assert names - {"MLFLOW_SERVER_ALLOWED_HOSTS"} <= known
    assert (ROOT / "deploy" / COMPOSE["services"]["mlflow"]["env_file"]).exists()
