"""One real service that tests share as long as they leave it alone; and services of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import killing
import pytest
from processes import own_copy, own_ledger
from small_shop import Shop

from bocian.commands.running import running
from serving.ledger import Ledger


@dataclass(frozen=True)
class Service:
    """Where it listens, what it serves, and what it says."""

    address: str
    shop: Shop
    log: Path


@pytest.fixture(scope="session")
def service(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    own = own_copy(shop, tmp_path_factory.mktemp("service") / "shop")
    log = own.folder / "var" / "service.log"
    with running(own.settings, own.config, log) as address:
        yield Service(address, own, log)


@pytest.fixture
def ledger(shop: Shop, ledger_url: str) -> Iterator[Ledger]:
    """The shop's ledger, in a database of its own."""
    opened = own_ledger(shop, ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def own_service(
    shop: Shop,
    ledger: Ledger,
    ledger_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[killing.Service]:
    """A service with that ledger, to be started, and killed."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    own = own_copy(shop, tmp_path / "shop")
    served = killing.service_of(own.config, ledger_url, tmp_path / "log")
    yield served
    served.close()
