"""State that must not be lost: one SQL database, one file for each thing that it holds."""

from serving.ledger.database import Ledger, LedgerError, open_ledger
from serving.ledger.migrations import SCHEMA_VERSION

__all__ = ["SCHEMA_VERSION", "Ledger", "LedgerError", "open_ledger"]
