"""The map of security: each entry is held by a test that exists, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving.api.metrics import Metrics
from serving.api.operations import Operations
from serving.engine import DecisionEngine
from serving.ledger.keys import Scope

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = re.findall(r"^\| (API\d+|\d+\.\d+\.\d+) [^|]*\|.*\|([^|]*)\|$", PAGE, flags=re.MULTILINE)


def _tests() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


def test_every_named_test_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert sorted(named - _tests()) == []


@pytest.mark.parametrize(("number", "held"), ROWS, ids=[number for number, _ in ROWS])
def test_every_entry_has_a_test_or_a_reason(number, held):
    assert re.search(r"`test_\w+`", held) or held.strip().startswith("not here, because ")


def test_all_ten_risks_are_there_and_requirements_are_in_order():
    numbers = [number for number, _ in ROWS]
    assert numbers[:10] == [f"API{n}" for n in range(1, 11)]
    asvs = [tuple(map(int, number.split("."))) for number in numbers[10:]]
    assert asvs == sorted(set(asvs))
    spoken_of = {str(chapter) for chapter, *_ in asvs}
    spoken_of |= set(re.findall(r"\b(\d+) \(", PAGE.split("\nChapters ")[1]))
    assert spoken_of == {str(chapter) for chapter in range(1, 18)}


def test_the_scopes_on_the_page_are_those_of_the_calls():
    def no_engine() -> DecisionEngine:
        raise AssertionError("the calls alone are wanted")

    told = {
        (scope, call)
        for scope, calls in re.findall(r"^\| `(\w+)` \| (`(?:GET|POST) .*) \|$", PAGE, re.MULTILINE)
        for call in re.findall(r"`([^`]+)`", calls)
    }
    calls = Operations(no_engine, Metrics(), ()).calls()
    assert told == {(call.scope.value, f"{call.method} {call.path}") for call in calls} | {
        (Scope.ADMIN.value, "GET /metrics")
    }


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name
)
def test_every_locked_package_has_its_hash(lock):
    packages = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert len(packages) > 5
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []
