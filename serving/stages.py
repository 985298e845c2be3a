"""Stages of a decision, for whoever watches one: unwatched, a stage costs a look at a variable."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

Stage = Literal["look_up", "features", "models", "policy", "commit"]
Watch = Callable[[str], AbstractContextManager[object]]
"""Given a stage's name, what is open for as long as it lasts."""

WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""Who watches the request at hand; it follows the request into its thread."""

Args = ParamSpec("Args")
Result = TypeVar("Result")


def stage(name: Stage) -> Callable[[Callable[Args, Result]], Callable[Args, Result]]:
    """Decorates what is done in the stage `name`."""

    def decorator(do: Callable[Args, Result]) -> Callable[Args, Result]:
        @wraps(do)
        def watched(*args: Args.args, **kwargs: Args.kwargs) -> Result:
            watch = WATCH.get()
            if watch is None:
                return do(*args, **kwargs)
            with watch(name):
                return do(*args, **kwargs)

        return watched

    return decorator
