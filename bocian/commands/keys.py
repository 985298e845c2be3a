"""`bocian keys`: who may ask the API for what."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from bocian import wiring
from bocian.commands.screen import out, print_json, table
from bocian.settings import Settings, SettingsError
from features.clock import DAY_US, iso, system_clock, to_us
from serving.ledger.keys import Key, Scope


def create(
    settings: Settings, name: str, scopes: Sequence[str], *, days: int, as_json: bool
) -> None:
    """Make a key and show it, this once.

    Raises:
        SettingsError: A scope is not one of those there are.
    """
    known = [scope.value for scope in Scope]
    if strange := [scope for scope in scopes if scope not in known]:
        raise SettingsError(f"a scope must be one of {known}, got: {strange[0]!r}")
    now_us = to_us(system_clock())
    with closing(wiring.ledger(settings)) as ledger:
        sent, key = ledger.keys.create(
            name,
            [*map(Scope, scopes)],
            now_us=now_us,
            expires_at_us=now_us + days * DAY_US,
            brand=settings.service.brand,
        )
    if as_json:
        print_json(_stated(key, now_us) | {"key": sent})
        return
    out.print(f"{sent}\nShown this once: it is sent as the header Authorization: Bearer KEY.")


def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Show all keys; never the keys themselves, which nobody has but their holders."""
    now_us = to_us(system_clock())
    with closing(wiring.ledger(settings)) as ledger:
        listed = [_stated(key, now_us) for key in ledger.keys.list()]
    if as_json:
        print_json(listed)
        return
    drawn = table("API keys", "id", "name", "scopes", "expires", "state")
    for key in listed:
        drawn.add_row(*(str(key[cell]) for cell in ("id", "name")), " ".join(key["scopes"]),
                      key["expires_at"], key["state"])  # fmt: skip
    out.print(drawn)


def revoke(settings: Settings, key_id: str) -> None:
    """End a key.

    Raises:
        LookupError: There is none of this id.
    """
    with closing(wiring.ledger(settings)) as ledger:
        ledger.keys.revoke(key_id, to_us(system_clock()))
    out.print(f"{key_id} is revoked")


def _stated(key: Key, now_us: int) -> dict[str, Any]:
    state = "usable" if key.usable(now_us) else "revoked" if key.revoked_at_us else "expired"
    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": iso(key.created_at_us),
        "expires_at": iso(key.expires_at_us),
        "state": state,
    }
