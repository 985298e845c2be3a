"""What can be wrong with the ledger as a whole."""

from __future__ import annotations


class LedgerError(RuntimeError):
    """The database at hand cannot serve as the ledger."""
