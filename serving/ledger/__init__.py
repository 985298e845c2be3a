"""State that must not be lost: one SQL database, one file for each thing that it holds."""

from serving.ledger.database import SCHEMA_VERSION, Ledger, LedgerError, open_ledger

__all__ = ["SCHEMA_VERSION", "Ledger", "LedgerError", "open_ledger"]
