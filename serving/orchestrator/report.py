"""What one run did; every customer asked for is counted once, and every delivery too."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

ERRORS_SHOWN = 5


@dataclass
class SendReport:
    """Counts of one run, growing while it lasts.

    Customers: `asked` = `by_action["no_action"]` + `queued` + `already` + all of `not_executed`
    + `failed`. Deliveries, which may belong to earlier runs: `sent` + all of `withheld` +
    `undelivered`, of which the outbox tries again those that it has not given up.
    `errors` holds the first few of what went wrong, in words.
    """

    asked: int = 0
    decided: int = 0
    by_action: Counter[str] = field(default_factory=Counter)
    queued: int = 0
    already: int = 0
    not_executed: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    sent: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    undelivered: int = 0
    errors: list[str] = field(default_factory=list)

    def note(self, customer_id: str, error: Exception) -> None:
        """Keep an error, while there is room: the counts hold them all."""
        if len(self.errors) < ERRORS_SHOWN:
            self.errors.append(f"{customer_id}: {type(error).__name__}: {error}")
