"""`bocian send` against the real service: nothing twice, and nothing without consent."""

from __future__ import annotations

import json
from email import policy
from email.parser import BytesParser

import pytest
from processes import bocian, own_copy

from bocian import wiring
from bocian.commands.running import running
from features.clock import to_us
from serving.ledger.consents import Consent

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory):
    return own_copy(shop, tmp_path_factory.mktemp("send") / "shop")


@pytest.fixture(scope="module")
def runs(own):
    """Queue; withdraw the consent of one who is to get an e-mail; deliver; once more."""

    def run(*options):
        done = bocian("send", "-c", own.config, "--api", api, "--json", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    with running(own.settings, own.config, own.folder / "var" / "service.log") as api:
        queued = run()
        ledger = wiring.ledger(own.settings)
        everyone = wiring.event_store(own.settings).customer_ids
        contacts = ledger.contacts.since(everyone, 0)
        left = next(c.customer_id for c in contacts if c.channel == "email")
        now_us = to_us(own.settings.now)
        ledger.consents.record_many(
            [Consent(left, "marketing", "email", False, now_us, "a click", "consent")]
        )
        ledger.close()
        outbox = own.settings.path("outbox")
        delivered = run("--now")
        files = {path.name: path.read_bytes() for path in outbox.iterdir()}
        again = run("--now")
        later = {path.name: path.read_bytes() for path in outbox.iterdir()}
    return {"queued": queued, "delivered": delivered, "again": again, "left": left,
            "files": files, "later": later}  # fmt: skip


def test_the_first_run_queues_for_later_hours_and_the_second_delivers(runs):
    assert runs["queued"]["failed"] == runs["delivered"]["failed"] == 0
    assert runs["queued"]["queued"] > 20
    assert runs["delivered"]["queued"] == 0
    sent = runs["queued"]["sent"] + runs["delivered"]["sent"]
    assert sent + sum(runs["delivered"]["withheld"].values()) == runs["queued"]["queued"]
    assert len(runs["files"]) == sent


def test_a_run_after_that_repeats_nothing(runs):
    assert runs["again"]["queued"] == runs["again"]["sent"] == 0
    assert runs["later"] == runs["files"]


def test_every_customer_asked_for_is_accounted_for(runs):
    for name in ("queued", "delivered", "again"):
        r = runs[name]
        parts = r["by_action"]["no_action"] + r["queued"] + r["already"] + r["failed"]
        assert parts + sum(r["not_executed"].values()) == r["asked"] > 100


def test_who_withdrew_consent_in_between_gets_nothing(runs, own):
    assert runs["delivered"]["withheld"] == {"no_consent": 1}
    letters = [content for name, content in runs["files"].items() if name.endswith(".eml")]
    assert letters
    assert not [x for x in letters if f"{runs['left']}@bocian.invalid".encode() in x]


def test_every_letter_parses_and_can_be_unsubscribed_from_in_one_click(runs):
    keys = set()
    for name, content in runs["files"].items():
        if not name.endswith(".eml"):
            assert json.loads(content)["key"] == name.removesuffix(".json")
            continue
        letter = BytesParser(policy=policy.default).parsebytes(content)
        assert letter.defects == []
        assert letter["To"].addresses[0].domain == "bocian.invalid"
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert letter["Subject"]
        assert letter.get_body(("plain",)).get_content().strip()
        keys.add(letter["Message-ID"])
    assert len(keys) == sum(name.endswith(".eml") for name in runs["files"])
