"""What Schemathesis cannot know of the service: its customers, and that keys are used once.

A body that names a customer names one of the shop's in half of the cases, so that there is
something to decide and to look up. A well-formed idempotency key is made one of its own: that
another request under the same key is refused is no mistake of the API, and is tested elsewhere.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from typing import Any

import schemathesis

CUSTOMERS = json.loads(os.environ["BOCIAN_FUZZ_CUSTOMERS"])
_turn, _keys = itertools.count(), itertools.count()


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Name a customer whom the shop knows, every other time."""
    named = body.get("customer_id") if isinstance(body, dict) else None
    if not isinstance(named, str) or not re.fullmatch(r"[^\0]{1,200}", named) or next(_turn) % 2:
        return body
    return body | {"customer_id": CUSTOMERS[next(_turn) % len(CUSTOMERS)]}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Send each request under a key of its own, unless the key is there to be refused."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,200}", key):
        case.headers["Idempotency-Key"] = f"key-{os.getpid()}-{next(_keys)}"
