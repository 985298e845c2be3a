"""Random numbers that depend on the seed, on what they are for, and on nothing else."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

BLOCK: Final = 4096
"""Customers who share a stream. Fixed, so that how many are worked on at once changes no byte."""


def stream(seed: int, purpose: str, part: int = 0) -> np.random.Generator:
    """The random numbers of one purpose and part.

    Philox (Salmon et al. 2011) is keyed by (seed, CRC-32 of the purpose) and starts at the counter
    part x 2^192: streams never meet, and any of them can be had without those before.
    """
    key = np.array([seed, zlib.crc32(purpose.encode())], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, part]))
