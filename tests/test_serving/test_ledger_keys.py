"""Keys: shown once, kept as a hash, ended by time or by hand."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from serving.ledger import Ledger
from serving.ledger.instants import DAY_US
from serving.ledger.keys import Scope, brand_of

NOW = 1_510_000_000_000_000


def _make(ledger: Ledger, *scopes: Scope):
    chosen = scopes or (Scope.DECIDE,)
    return ledger.keys.create("tool", chosen, now_us=NOW, expires_at_us=NOW + DAY_US)


def test_a_key_is_found_by_what_its_holder_sends(ledger: Ledger):
    sent, key = _make(ledger, Scope.EVENTS, Scope.DECIDE)
    assert ledger.keys.find(sent) == key
    assert key.scopes == {Scope.DECIDE, Scope.EVENTS}
    assert ledger.keys.list() == (key,)


def test_the_ledger_holds_a_hash_and_not_the_key(ledger: Ledger):
    sent, key = _make(ledger)
    secret = sent.removeprefix(f"bocian_{key.key_id}_")
    with ledger.engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert secret not in rows
    assert hashlib.sha256(secret.encode()).hexdigest() in rows


def test_keys_differ_and_one_does_not_open_anothers_door(ledger: Ledger):
    (one, first), (other, second) = _make(ledger), _make(ledger)
    assert one != other
    swapped = f"bocian_{first.key_id}_{other.removeprefix(f'bocian_{second.key_id}_')}"
    assert ledger.keys.find(swapped) is None


def test_what_is_nearly_a_key_is_none(ledger: Ledger):
    sent, _ = _make(ledger)
    for nearly in (sent[:-1], f"{sent}x", f"{sent}\0", f"{sent}\n", f" {sent}", sent.upper()):
        assert ledger.keys.find(nearly) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.from_regex(r"bocian_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_whatever_is_sent_is_no_key(ledger: Ledger, sent):
    assert ledger.keys.find(sent) is None


def test_a_key_is_usable_up_to_its_end(ledger: Ledger):
    _, key = _make(ledger)
    assert key.usable(NOW)
    assert key.usable(NOW + DAY_US - 1)
    assert not key.usable(NOW + DAY_US)


def test_revoking_ends_a_key_and_a_second_time_changes_nothing(ledger: Ledger):
    sent, key = _make(ledger)
    ledger.keys.revoke(key.key_id, NOW + 1)
    ledger.keys.revoke(key.key_id, NOW + 2)
    found = ledger.keys.find(sent)
    assert found is not None
    assert found.revoked_at_us == NOW + 1
    assert not found.usable(NOW)


def test_a_key_that_is_not_there_cannot_be_revoked(ledger: Ledger):
    with pytest.raises(LookupError, match=r"`bocian keys list` shows, got: 'nobody'"):
        ledger.keys.revoke("nobody", NOW)


def test_a_key_without_scope_or_time_is_refused(ledger: Ledger):
    with pytest.raises(ValueError, match=r"scopes must name at least one of \['decide'"):
        ledger.keys.create("tool", [], now_us=NOW, expires_at_us=NOW + 1)
    with pytest.raises(ValueError, match=f"expires_at_us must be after {NOW}, got: {NOW}"):
        ledger.keys.create("tool", [Scope.DECIDE], now_us=NOW, expires_at_us=NOW)


def test_a_brand_is_in_its_keys_and_opens_nothing(ledger: Ledger):
    sent, key = ledger.keys.create(
        "tool", [Scope.DECIDE], now_us=NOW, expires_at_us=NOW + DAY_US, brand="north"
    )
    assert sent.startswith(f"bocian_north_{key.key_id}_")
    assert brand_of(sent) == "north"
    assert ledger.keys.find(sent) == key
    # A key from before the brand had a name goes on, and is sent with the name put in.
    plain, older = _make(ledger)
    assert brand_of(plain) is None
    assert ledger.keys.find(plain.replace("bocian_", "bocian_north_", 1)) == older
