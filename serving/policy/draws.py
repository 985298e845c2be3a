"""Random numbers that anybody with the secret can draw again, and nobody can redraw."""

from __future__ import annotations

import hmac


def uniform(secret: bytes, *keys: str) -> float:
    """Draw from [0, 1), always the same number for the same secret and keys.

    The number is the first 53 bits of HMAC-SHA256, as many as a float64 holds. Each key carries
    its length, so that ("ab", "c") and ("a", "bc") are different draws.

    Args:
        secret: key of the HMAC.
        keys: what the draw is for, then for whom and when; ("holdout", customer_id), say.
    """
    encoded = [key.encode() for key in keys]
    message = b"".join([len(key).to_bytes(8, "big") + key for key in encoded])
    digest = hmac.digest(secret, message, "sha256")
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
