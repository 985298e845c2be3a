"""What tests of all parts share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import postgresql
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from small_shop import Shop

Require = Callable[[object, str], None]

# How fast examples are drawn is the machine's: where much else runs, the first zone takes seconds.
settings.register_profile("bocian", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bocian")


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(found, what)`: skip the test, saying `what` is missing, unless something was found.

    With BOCIAN_REQUIRE_ALL=1, as in CI, what is missing is a failure.
    """

    def check(found: object, what: str) -> None:
        if found:
            return
        if os.environ.get("BOCIAN_REQUIRE_ALL") == "1":
            pytest.fail(what, pytrace=False)
        pytest.skip(what)

    return check


@pytest.fixture(scope="session")
def postgresql_server(require: Require) -> Iterator[str]:
    """The url of a server that tests share, up to the name of a database."""
    found = postgresql.binaries()
    require(found, postgresql.MISSING)
    assert found is not None
    with postgresql.server(found) as base:
        yield base


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The url of an empty ledger of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/ledger.db"
        return
    with postgresql.database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small shop whose events are ingested and whose first bundle serves; write nothing there."""
    from small_shop import write_shop

    from bocian.commands import ingest, train

    written = write_shop(tmp_path_factory.mktemp("shop"))
    ingest.run(written.settings, force=False, as_json=False)
    train.run(written.settings, force=False, promote=False, as_json=False)
    return written
