"""The one error that rules raise."""

from __future__ import annotations

import ast


class RuleError(ValueError):
    """A rule that cannot be read, or columns that do not fit it."""

    @classmethod
    def at(cls, node: ast.expr, text: str, problem: str) -> RuleError:
        """Say what is wrong, and where: line and column count characters from 1."""
        line = text.split("\n")[node.lineno - 1]
        column = len(line.encode()[: node.col_offset].decode()) + 1
        return cls(f"{problem}, at line {node.lineno}, column {column} of the rule {text!r}")
