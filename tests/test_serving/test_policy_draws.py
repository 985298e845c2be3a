"""Keyed draws and reason codes."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.policy.draws import uniforms
from serving.policy.reasons import Reason, codes, mask


def by_hand(secret: bytes, *keys: str) -> float:
    """HMAC as in RFC 2104, from SHA-256 alone."""
    key = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    message = b"".join(len(k.encode()).to_bytes(8, "big") + k.encode() for k in keys)
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    digest = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()
    return int("".join(f"{byte:08b}" for byte in digest)[:53], 2) / 2**53


def uniform(secret: bytes, *keys: str) -> float:
    """One draw whose last key is the customer's."""
    return float(uniforms(secret, keys[:-1], keys[-1:])[0])


texts = st.lists(st.text(max_size=20), max_size=4)


@given(st.binary(min_size=1, max_size=100), texts, texts, texts)
def test_uniforms_are_hmac_sha256(
    secret: bytes, before: list[str], each: list[str], after: list[str]
) -> None:
    drawn = uniforms(secret, before, each, after)
    assert drawn.tolist() == [by_hand(secret, *before, one, *after) for one in each]
    assert ((drawn >= 0) & (drawn < 1)).all()


def test_each_way_of_cutting_the_keys_is_another_draw() -> None:
    ways = [("ab", "c"), ("a", "bc"), ("abc",), ("", "abc"), ("abc", ""), ("a", "b", "c")]
    assert len({uniform(b"s", *way) for way in ways}) == len(ways)


def test_another_secret_is_another_draw() -> None:
    assert uniform(b"one", "holdout", "c1") != uniform(b"two", "holdout", "c1")


def test_draws_are_even() -> None:
    drawn = uniforms(b"secret", ["action"], [str(i) for i in range(20_000)])
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    chi_square = ((counts - 1_000) ** 2 / 1_000).sum()
    assert chi_square < 43.8  # the 99.9 % point at 19 degrees of freedom
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.025


@given(st.sets(st.sampled_from(list(Reason))))
def test_codes_unpack_what_mask_packs(reasons: set[Reason]) -> None:
    assert codes(mask(*reasons)) == tuple(reason for reason in Reason if reason in reasons)


def test_bits_of_two_masks_add_up() -> None:
    for one, other in itertools.combinations(Reason, 2):
        assert set(codes(mask(one) | mask(other))) == {one, other}
        assert not mask(one) & mask(other)


def test_bits_are_those_that_records_hold() -> None:
    assert [int(mask(reason)) for reason in Reason] == [1 << i for i in range(11)]
    assert mask(Reason.NO_CONSENT, Reason.NO_CONSENT, Reason.QUIET_HOURS) == 0b100010
    assert mask().dtype == np.uint32


@pytest.mark.parametrize("bits", [1 << 11, -1])
def test_an_unknown_bit_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"bits must be below 2048, got: {bits}"):
        codes(bits)
