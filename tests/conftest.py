"""What tests of all parts share."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

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
