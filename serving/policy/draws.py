"""Random numbers that anybody with the secret can draw again, and nobody can redraw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from serving.policy.arrays import FloatArray

if TYPE_CHECKING:
    from _hashlib import HASH

_BLOCK = 64  # bytes that SHA-256 takes in at once
_INNER, _OUTER = 0x36, 0x5C


def uniforms(
    secret: bytes, before: Iterable[str], each: Sequence[str], after: Iterable[str] = ()
) -> FloatArray:
    """Draw from [0, 1) for each of many, always the same number for the same secret and keys.

    The number is the first 53 bits of HMAC-SHA256 (RFC 2104), as many as a float64 holds. Each key
    carries its length, so that ("ab", "c") and ("a", "bc") are different draws.

    Args:
        secret: key of the HMAC.
        before: keys that all share, what the draw is for: ("holdout",), say.
        each: n keys, one a draw: customers' ids.
        after: keys that all share, and that come last.

    Returns:
        [n] numbers.
    """
    inner, outer, ending = _keyed(secret, tuple(before), tuple(after))
    drawn = []
    for one in each:
        message, sealed = inner.copy(), outer.copy()
        message.update(_framed(one) + ending)
        sealed.update(message.digest())
        drawn.append(int.from_bytes(sealed.digest()[:8], "big") >> 11)
    return np.array(drawn, np.float64) * 2.0**-53


@lru_cache(maxsize=256)
def _keyed(
    secret: bytes, before: tuple[str, ...], after: tuple[str, ...]
) -> tuple[HASH, HASH, bytes]:
    """What all draws begin with is hashed once: that is why this is not left to `hmac`."""
    key = (sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    inner = sha256(bytes(byte ^ _INNER for byte in key) + b"".join(map(_framed, before)))
    outer = sha256(bytes(byte ^ _OUTER for byte in key))
    return inner, outer, b"".join(map(_framed, after))


def _framed(key: str) -> bytes:
    encoded = key.encode()
    return len(encoded).to_bytes(8, "big") + encoded
