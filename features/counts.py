"""What became of each row that a source gave; nothing is lost unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from features.sieve import Sieve


@dataclass(frozen=True)
class Counts:
    """What became of one source's rows; `reasons` counts the quarantined ones by reason."""

    source: str
    read: int
    kept: int
    repeated: int
    quarantined: int
    reasons: dict[str, int]

    def __post_init__(self) -> None:
        """Refuse counts that do not reconcile: rows would have been lost."""
        if self.read != self.kept + self.repeated + self.quarantined:
            raise ValueError(f"read must equal kept + repeated + quarantined, got: {self}")


def counts_of(stated: Iterable[Mapping[str, Any]]) -> tuple[Counts, ...]:
    """Counts as a manifest states them."""
    return tuple(Counts(**one) for one in stated)


def total(
    sources: Iterable[str],
    before: Iterable[Counts],
    sieve: Sieve,
    kept: Mapping[str, int],
    repeated: Mapping[str, int],
) -> tuple[Counts, ...]:
    """What was counted before and in this load together, by source.

    Args:
        sources: Names, in the order of the answer.
        before: Counts of earlier loads into the same store.
        sieve: What this load read and refused.
        kept: Events that this load added, by source.
        repeated: Copies that it left out, by source.
    """
    earlier = {counts.source: counts for counts in before}
    found = []
    for name in sources:
        old = earlier.get(name, Counts(name, 0, 0, 0, 0, {}))
        refused = Counter({why: n for (source, why), n in sieve.reasons.items() if source == name})
        found.append(
            Counts(
                source=name,
                read=old.read + sieve.read[name],
                kept=old.kept + kept.get(name, 0),
                repeated=old.repeated + repeated.get(name, 0),
                quarantined=old.quarantined + refused.total(),
                reasons=dict(sorted((refused + Counter(old.reasons)).items())),
            )
        )
    return tuple(found)
