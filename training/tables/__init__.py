"""Churn, or any other yes or no, learned from a plain table: one row a customer."""

from training.tables.fit import FittedTable, fit
from training.tables.reading import read

__all__ = ["FittedTable", "fit", "read"]
