"""Two brands behind one real service, asked by curl with the keys of both; and what it logs."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest
from processes import bocian, curl, own_copy

from bocian.commands.running import free_port, running, up
from bocian.commands.serve import command, environment

pytestmark = pytest.mark.e2e

BRANDS = ("north", "south")
DECIDE = "/v1/next-best-action"
SOUTHERNER = "southerner"
PERSONAL = ("ala@example.com", "+48555010203", "Ala Makota", "\nforged line", SOUTHERNER, "c001")


@pytest.fixture(scope="module")
def brands(shop, tmp_path_factory, require):
    """The small shop twice, under two names; one customer is the south's alone."""
    require(shutil.which("curl"), "curl not found: apt-get install curl")
    folder = tmp_path_factory.mktemp("brands")
    made = {}
    for brand in BRANDS:
        own = own_copy(shop, folder / brand)
        stated = own.config.read_text().replace("a secret of tests", f"the secret of {brand}")
        named = f'\n[service]\nbrand = "{brand}"\nrequire_keys = true\n'
        own.config.write_text(stated + named)
        made[brand] = own
    event = {"source": "till", "event_id": "1", "customer_id": SOUTHERNER, "type": "session"}
    line = json.dumps(event | {"occurred_at": "2025-03-03T09:00:00Z"})
    (folder / "new.jsonl").write_text(line + "\n")
    done = bocian("events", "add", folder / "new.jsonl", "-c", made["south"].config)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def served(brands, tmp_path_factory):
    """The service of both: its address, a key of each with every scope, and its log."""
    north, south = (brands[name] for name in BRANDS)
    log = tmp_path_factory.mktemp("served") / "service.log"
    keys = {brand: _key(own) for brand, own in brands.items()}
    with running(north.settings, north.config, log, south.config) as address:
        yield address, keys, log


def _key(own):
    words = "keys create tool --scope decide --scope events --scope customers --scope review"
    done = bocian(*words.split(), "--scope", "admin", "--json", "-c", own.config)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["key"]


def _ask(address, path, key, body=None):
    posted = None if body is None else json.dumps(body)
    return curl(f"{address}{path}", posted, "-H", f"Authorization: Bearer {key}")


def test_a_key_reaches_its_own_customers_alone(served):
    address, keys, _ = served
    assert all(keys[brand].startswith(f"bocian_{brand}_") for brand in BRANDS)
    who = {"customer_id": SOUTHERNER}
    status, _, text = _ask(address, DECIDE, keys["south"], who)
    assert status == 200
    decision = f"/v1/decisions/{json.loads(text)['decision_id']}"
    assert _ask(address, decision, keys["south"])[2] == text
    there, nowhere = (
        _ask(address, path, keys["north"]) for path in (decision, f"/v1/decisions/{'0' * 32}")
    )
    assert there[0] == 404
    assert (there[0], there[2]) == (nowhere[0], nowhere[2])
    assert _ask(address, DECIDE, keys["north"], who)[0] == 404
    assert _ask(address, DECIDE, "none", who)[0] == 401


def test_a_champion_is_of_one_brand(served, brands):
    address, keys, _ = served
    pointer = brands["south"].settings.path("bundles") / "champion"
    pointed = pointer.read_text()
    pointer.unlink()
    try:
        assert [_ask(address, "/readyz", keys[brand])[0] for brand in BRANDS] == [200, 503]
        status, _, text = curl(f"{address}/readyz")
        assert (status, json.loads(text)["brands"]) == (200, {"ready": 1, "waiting": 1})
        who = {"customer_id": "c003", "preview": True}
        assert [_ask(address, DECIDE, keys[brand], who)[0] for brand in BRANDS] == [200, 503]
    finally:
        pointer.write_text(pointed)
    assert _ask(address, "/readyz", keys["south"])[0] == 200


def test_no_person_and_no_key_is_in_the_log(served, brands):
    """Every way of failing, a fault of the database included, whose message holds the values."""
    address, keys, log = served
    key = keys["south"]
    for told in PERSONAL:
        _ask(address, DECIDE, key, {"customer_id": told})
        _ask(address, DECIDE, key, {"customer_id": [told]})
        _ask(address, f"{DECIDE}:batch", key, {"customer_ids": [told, told]})
        _ask(address, "/v1/events", key, {"events": [{"customer_id": told, "type": told}]})
        _ask(address, "/v1/consents", key, {"consents": [{"customer_id": told}]})
        _ask(address, f"/v1/decisions/{quote(told)}", key)
        _ask(address, f"/v1/decisions/{quote(told)}", quote(told))
    ledger = brands["south"].folder / "var" / "ledger.db"
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("ALTER TABLE accesses RENAME TO away")
        fault = _ask(address, DECIDE, key, {"customer_id": "c001"})
        database.execute("ALTER TABLE away RENAME TO accesses")
    assert (fault[0], fault[1]["content-type"]) == (500, "application/problem+json")
    assert _ask(address, DECIDE, key, {"customer_id": "c001"})[0] == 200
    text = log.read_text()
    assert re.search(
        r"fault while answering: OperationalError at (accesses|commits|sql)\.py:\d+", text
    )
    assert "no key of ours" in text
    written = text + fault[2]
    assert [told for told in (*PERSONAL, *keys.values()) if told in written] == []
    assert [told for told in PERSONAL if quote(told) in written] == []
    assert "Traceback" not in text


def test_without_keys_several_brands_are_refused_at_the_start(brands):
    north, south = (brands[name] for name in BRANDS)
    south.config.write_text(south.config.read_text().replace("require_keys = true", ""))
    done = bocian("serve", "-c", north.config, "-c", south.config)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"{south.config} must say require_keys = true" in said
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_bentoml_on_every_address_without_keys_answers_this_machine_alone(shop, tmp_path, require):
    """The rule does not rest on the command that starts the service."""
    away = _address_of_this_machine()
    require(away, "no address beside the loopback")
    own = own_copy(shop, tmp_path / "shop")
    port = free_port()
    words = command(own.settings, port)
    words[words.index("--host") + 1] = "0.0.0.0"
    who = json.dumps({"customer_id": "c001"})
    here = f"http://127.0.0.1:{port}"
    with up(words, environment(own.config), here, tmp_path / "log"):
        assert curl(f"{here}{DECIDE}", who)[0] == 200
        status, _, text = curl(f"http://{away}:{port}{DECIDE}", who)
        assert status == 403
        assert "its own machine alone" in json.loads(text)["detail"]
        forwarded = ("-H", "X-Forwarded-For: 127.0.0.1")
        assert curl(f"{here}{DECIDE}", who, *forwarded)[0] == 403


def _address_of_this_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent; TEST-NET-1 leads nowhere
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address
