"""One real service that tests share as long as they leave it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import own_copy
from small_shop import Shop

from bocian.commands.running import running


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
