"""`bocian audit --decided` and `--compare`, as a reviewer would run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import bocian, own_copy

from bocian import wiring
from bocian.commands import audit_decided
from serving.given import given
from serving.ledger.executions import Execution, Status, append

pytestmark = pytest.mark.e2e
WRONG_INPUT = 2


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory):
    return own_copy(shop, tmp_path_factory.mktemp("decided") / "shop")


@pytest.fixture(scope="module")
def audited(own):
    """Half of the customers decided for, and the first message sent."""
    engine = wiring.engine(own.settings)
    records = [engine.next_best_action(c) for c in engine.store.customer_ids[:150]]
    first = next(r for r in records if r["channel"] is not None)
    with engine.ledger.writing() as connection:
        append(
            connection,
            Execution(first["decision_id"], first["customer_id"], Status.SENT, 1),
        )
    engine.ledger.close()
    path = audit_decided.run(own.settings, days=7, as_json=False)
    return records, path


def test_what_the_ledger_holds_is_audited(audited):
    records, path = audited
    found = json.loads(path.with_suffix(".json").read_text())
    assert found["rows"] == found["customers"] == len(records)
    overall = found["overall"]
    discounted = [r for r in records if (r["offer"] or {}).get("kind") == "percent_off"]
    assert overall["discount"] == pytest.approx(len(discounted) / len(records))
    silent = [r for r in records if r["channel"] is None]
    assert overall["silence"] == pytest.approx(len(silent) / len(records))
    assert overall["message sent"] == pytest.approx(1 / len(records))
    assert [a["name"] for a in found["attributes"]] == ["age"]
    html = path.read_text()
    assert html.startswith("<!doctype html>")
    assert "In five lines" in html


def test_the_command_says_where_the_page_is(own, audited):
    _, path = audited
    done = bocian("audit", "--decided", "--json", "-c", own.config)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["page"] == str(path)


def test_without_decisions_there_is_nothing_to_audit(shop):
    with pytest.raises(LookupError, match="an audit of decisions needs some, got none in the 7"):
        audit_decided.run(shop.settings, days=7, as_json=False)


@pytest.mark.slow
def test_two_audits_are_compared(own):
    made = bocian("audit", "--json", "-c", own.config)
    assert made.returncode == 0, made.stderr
    file = Path(json.loads(made.stdout)["page"]).with_suffix(".json")
    done = bocian("audit", "--compare", "1", file, "--json", "-c", own.config)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["before"]["as_of"] == found["after"]["as_of"]
    assert {c["verdict"] for c in found["changes"]} <= {"found in both"}
    shown = bocian("audit", "--compare", "1", file, "-c", own.config)
    assert shown.returncode == 0, shown.stderr


def test_a_file_that_holds_no_audit_is_refused(own, audited):
    _, path = audited
    done = bocian("audit", "--compare", "1", path.with_suffix(".json"), "-c", own.config)
    assert done.returncode == WRONG_INPUT
    assert "an audit to compare must be a version, or a JSON file" in " ".join(done.stderr.split())


def test_records_are_read_as_they_were_decided(own, audited):
    records, _ = audited
    ledger = wiring.ledger(own.settings)
    rows = {row.decision_id: row for row in given(ledger.decisions.made(0, 2**62))}
    ledger.close()
    assert {r["decision_id"] for r in records} == set(rows)
