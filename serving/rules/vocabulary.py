"""What rules may be made of, and what the rest is called when it is refused."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

ALLOWED = (
    "allowed are names, numbers, texts, True, False, and, or, not, < <= > >= == !=, "
    "in and not in a list of constants, + - * / and parentheses"
)

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.UAdd: "+ before a value",
    ast.Invert: "~",
}
_CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.Call: "a call",
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a lambda",
    ast.IfExp: "if ... else",
    ast.NamedExpr: "an assignment",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Starred: "a star",
    ast.Set: "a set",
    ast.Dict: "a dictionary",
}
KINDS: dict[type, str] = {float: "a number", str: "a text", bool: "a condition"}


def spoken(tree: ast.expr) -> str:
    """Name a construct that rules do not have, in the words of who wrote it."""
    match tree:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op):
            return f"the operator {_OPERATORS[type(op)]}"
        case _:
            return _CONSTRUCTS.get(type(tree), type(tree).__name__)
