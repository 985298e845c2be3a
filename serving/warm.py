"""`python -m serving.warm`: compile what decides into its cache, so that no first request waits."""

from __future__ import annotations

import serving.policy.policy  # noqa: F401 - what has fixed types is compiled when it is imported
from features.restraint import Restraint
from features.warm import nobody
from serving.signs import signs


def warm() -> None:
    """Read the events of one who has none."""
    signs(nobody(), 0, Restraint())


if __name__ == "__main__":
    warm()
