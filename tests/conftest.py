"""What tests of all parts share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from small_shop import Shop

Require = Callable[[object, str], None]


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
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small shop whose events are ingested and whose first bundle serves; write nothing there."""
    from small_shop import write_shop

    from bocian.commands import ingest, train

    written = write_shop(tmp_path_factory.mktemp("shop"))
    ingest.run(written.settings, force=False, as_json=False)
    train.run(written.settings, force=False, promote=False, as_json=False)
    return written
