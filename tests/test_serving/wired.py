"""The small shop's decision engine with a ledger of its own, and what tests ask of it."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from small_shop import Shop
from starlette.testclient import TestClient

from bocian import wiring
from features.clock import fixed_clock
from serving.api.app import create_app
from serving.engine import DecisionEngine
from serving.ledger.decisions import StoredDecision
from serving.ledger.message import Message

_numbers = itertools.count()


def engine_of(shop: Shop, folder: Path, **policy: Any) -> DecisionEngine:
    """An engine with a copy of the shop's ledger in `folder`; nobody is held out by chance."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(shop.settings.base / shop.settings.paths.ledger, folder / "ledger.db")
    paths = shop.settings.paths.model_copy(update={"ledger": str(folder / "ledger.db")})
    settings = shop.settings.model_copy(
        update={
            "paths": paths,
            "policy": shop.settings.policy.model_copy(
                update={"holdout_share": 0.0, "quiet_share": 0.0} | policy
            ),
        }
    )
    return wiring.engine(settings)


def client_of(
    engine: Callable[[], DecisionEngine], *, came_from: str = "127.0.0.1", **given: Any
) -> TestClient:
    """A caller of the API at `came_from`; `given` is what `create_app` takes."""
    app = create_app(engine, **given)
    return TestClient(
        app,
        base_url="http://127.0.0.1",
        client=(came_from, 50_000),
        raise_server_exceptions=False,
    )


def at(engine: DecisionEngine, now: dt.datetime) -> DecisionEngine:
    """The same engine at another time."""
    return replace(engine, clock=fixed_clock(now))


def send(engine: DecisionEngine, customer_id: str, action_id: str, at_us: int) -> None:
    """Leave a message in the outbox that counts as a contact at `at_us`."""
    key = f"sent{next(_numbers)}"
    decision = StoredDecision(
        decision_id=key,
        customer_id=customer_id,
        policy_epoch="earlier",
        slot=key,
        decided_at_us=at_us,
        action_id=action_id,
        channel="email",
        send_at_us=at_us,
        valid_until_us=at_us + 1,
        propensity=1.0,
        marginal_propensity=1.0,
        explored=False,
        stratum="main",
        bundle_digest="earlier",
        record="{}",
    )
    engine.ledger.decisions.put(decision)
    message = Message(
        key=key,
        customer_id=customer_id,
        action_id=action_id,
        channel="email",
        purpose="marketing",
        language="en",
        address="a@bocian.invalid",
        subject="s",
        body_text="t",
        body_html=None,
        headers="{}",
        send_at_us=at_us,
        created_at_us=at_us,
    )
    with engine.ledger.writing() as connection:
        engine.ledger.outbox.enqueue(connection, message)
