"""The churn model of a plain table: one row a customer, columns of any common kind."""

from models.table.columns import Column, TableError, numbers, text
from models.table.files import load, save
from models.table.model import Forest, Linear, Member, TableModel

__all__ = [
    "Column",
    "Forest",
    "Linear",
    "Member",
    "TableError",
    "TableModel",
    "load",
    "numbers",
    "save",
    "text",
]
