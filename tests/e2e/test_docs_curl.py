"""Every curl of the guide to the API does what the guide says, against a real service."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from processes import CLEAN, own_copy

from bocian.client import Client
from bocian.commands.running import running
from serving.api.openapi import document

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
REFUSED = {"Problems": 422}
"""What a heading's call is answered with, where it is not 200."""


def _commands():
    """Each curl with the heading above it."""
    heading = ""
    for part in re.split(r"^(## [^\n]+|```console\n.*?```)", PAGE.read_text(), flags=re.M | re.S):
        if part.startswith("## "):
            heading = part[3:]
        elif part.startswith("```console\n$ curl "):
            yield heading, part.removeprefix("```console\n$ ").removesuffix("```")


COMMANDS = list(_commands())


@pytest.fixture(scope="module")
def address(shop, tmp_path_factory):
    """A service of one's own, in whose outbox lies nothing."""
    own = own_copy(shop, tmp_path_factory.mktemp("guide") / "shop")
    with running(own.settings, own.config, own.folder / "var" / "service.log") as at:
        yield at


@pytest.fixture(scope="module")
def carried_out(address):
    """A decision that somebody may carry out."""
    with Client(address) as client:
        for number in range(260, 300):
            decision = client.next_best_action(f"c{number}")
            if decision["channel"] is not None:
                return decision["decision_id"]
    raise AssertionError("somebody must be written to")


@pytest.mark.parametrize(("heading", "command"), COMMANDS, ids=[heading for heading, _ in COMMANDS])
def test_a_curl_is_answered(address, carried_out, require, heading, command):
    require(shutil.which("curl"), "curl not found: apt-get install curl")
    for told, ours in {
        "http://127.0.0.1:3000": address,
        "daf28994a019fdec876e5a4daca07c55": carried_out,
        '"2226"': '"c258"',
        '"1349"': '"c259"',
    }.items():
        command = command.replace(told, ours)
    words = [*shlex.split(command.replace("\\\n", " ")), "-w", "\n%{http_code}"]
    done = subprocess.run(words, env=CLEAN, capture_output=True, text=True, check=True)
    text, _, status = done.stdout.rpartition("\n")
    assert int(status) == REFUSED.get(heading, 200), text
    assert json.loads(text)


def test_every_call_has_its_curl():
    told = {heading for heading, _ in COMMANDS}
    described = document("1")["paths"]
    calls = {f"{verb.upper()} {path}" for path, item in described.items() for verb in item}
    assert {call for call in calls if call.startswith(("GET", "POST"))} <= told
    assert "POST /v1/events" in told
