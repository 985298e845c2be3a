"""State that must not be lost: one SQL database, one file for each thing that it holds."""

from serving.ledger.database import Ledger, open_ledger
from serving.ledger.errors import LedgerError

__all__ = ["Ledger", "LedgerError", "open_ledger"]
