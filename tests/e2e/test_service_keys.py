"""The real service with keys: made, used and ended from the command line, asked by curl."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from processes import bocian, curl, own_copy

from bocian.commands.running import running
from bocian.commands.send import send_all
from bocian.commands.serve import UnprotectedError, command
from bocian.settings import load

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def guarded(shop, tmp_path_factory, require):
    """A service that requires keys, and its shop."""
    require(shutil.which("curl"), "curl not found: apt-get install curl")
    own = own_copy(shop, tmp_path_factory.mktemp("guarded") / "shop")
    own.config.write_text(own.config.read_text() + "\n[service]\nrequire_keys = true\n")
    settings = load(own.config)
    with running(settings, own.config, own.folder / "var" / "service.log") as address:
        yield address, own


def _create(own, *scopes):
    words = [word for scope in scopes for word in ("--scope", scope)]
    done = bocian("keys", "create", "a tool", *words, "--json", "-c", own.config)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _ask(address, path, body, key=None):
    options = ("-H", f"Authorization: Bearer {key}") if key else ()
    return curl(f"{address}{path}", json.dumps(body), *options)


def test_a_key_opens_what_its_scope_says_until_it_is_revoked(guarded):
    address, own = guarded
    made = _create(own, "decide")
    path, who = "/v1/next-best-action", {"customer_id": "c001"}
    assert _ask(address, path, who)[0] == 401
    assert _ask(address, path, who, made["key"])[0] == 200
    status, headers, text = _ask(address, "/v1/consents", {"consents": []}, made["key"])
    assert (status, headers["content-type"]) == (403, "application/problem+json")
    assert "'customers'" in json.loads(text)["detail"]
    listed = bocian("keys", "list", "--json", "-c", own.config).stdout
    assert made["key"] not in listed
    assert [k["state"] for k in json.loads(listed) if k["id"] == made["id"]] == ["usable"]
    assert bocian("keys", "revoke", made["id"], "-c", own.config).returncode == 0
    assert _ask(address, path, who, made["key"])[0] == 401
    assert re.search(f"{made['id']}.*revoked", bocian("keys", "list", "-c", own.config).stdout)


def test_what_is_told_is_known_to_the_next_decision(guarded):
    address, own = guarded
    key = _create(own, "decide", "events", "customers")["key"]
    complaint = {"source": "desk", "event_id": "1", "customer_id": "c002", "type": "complaint"}
    events = {"events": [complaint | {"occurred_at": "2025-03-03T09:00:00Z"}]}
    status, _, text = _ask(address, "/v1/events", events, key)
    assert (status, json.loads(text)) == (200, {"kept": 1, "repeated": 0})
    preview = {"customer_id": "c002", "preview": True}
    decision = json.loads(_ask(address, "/v1/next-best-action", preview, key)[2])
    assert all("open_complaint" in arm["reasons"] for arm in decision["suppressed"])


def test_messages_are_sent_with_a_key_and_not_without(guarded):
    address, own = guarded
    without = send_all(load(own.config), api=address, deliver_now=False)
    assert (without.decided, without.failed) == (0, without.asked)
    key = _create(own, "decide")["key"]
    done = send_all(load(own.config), api=address, deliver_now=False, key=key)
    assert done.failed == 0
    assert done.decided == done.asked > 0


def test_no_secret_is_in_the_log(guarded):
    address, own = guarded
    made = _create(own, "decide")
    _ask(address, "/v1/next-best-action", {"customer_id": "c001"}, made["key"])
    log = (own.folder / "var" / "service.log").read_text()
    assert made["key"] not in log
    assert "c001" not in log


def test_another_address_is_refused_without_keys(shop, tmp_path):
    (tmp_path / "bocian.toml").write_text('[service]\nhost = "0.0.0.0"\n')
    with pytest.raises(
        UnprotectedError, match=r"where service\.require_keys is false, got: '0\.0\.0\.0'"
    ):
        command(load(tmp_path / "bocian.toml"))
    done = bocian("serve", "-c", tmp_path / "bocian.toml")
    assert done.returncode == 2
    assert "service.require_keys is false" in " ".join(done.stderr.split())
    keyed = '[service]\nhost = "0.0.0.0"\nrequire_keys = true\n'
    (tmp_path / "bocian.toml").write_text(keyed)
    with pytest.raises(UnprotectedError, match=r"policy\.secret is the one that everybody knows"):
        command(load(tmp_path / "bocian.toml"))
    (tmp_path / "bocian.toml").write_text(keyed + '[policy]\nsecret = "my own"\n')
    words = command(load(tmp_path / "bocian.toml"))
    assert words[words.index("--host") + 1] == "0.0.0.0"


def test_a_scope_that_is_none_is_named(guarded):
    done = bocian("keys", "create", "a tool", "--scope", "everything", "-c", guarded[1].config)
    assert done.returncode == 2
    assert "got: 'everything'" in " ".join(done.stderr.split())
