"""From the text of a rule to its typed condition; whatever is not named here is refused."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.rules.errors import RuleError
from serving.rules.nodes import (
    All,
    Arithmetic,
    Comparison,
    Constant,
    Either,
    Equal,
    Name,
    Negative,
    Node,
    Not,
)
from serving.rules.rule import Rule
from serving.rules.vocabulary import ALLOWED, ARITHMETIC, KINDS, ORDER, spoken

LONGEST = 1_000
DEEPEST = 32


def parse(text: str, types: Mapping[str, type]) -> Rule:
    """Read a rule such as `lifecycle_stage == "lapsed" and churn_probability > 0.4`.

    The grammar is a small part of Python's expressions, and has Python's precedence: comparisons,
    which chain (`0 < x <= 3`), bind tighter than `not`, `and`, `or`, in this order. Texts have no
    order; both sides of a comparison are of one type; the whole is a condition.

    Args:
        text: the rule, at most 1,000 characters and 32 levels deep.
        types: the names that a rule may use, each float, str or bool.

    Raises:
        RuleError: it says what was found, where, and what would be right.
        ValueError: for a type other than float, str and bool.
    """
    for name, kind in types.items():
        if kind not in KINDS:
            raise ValueError(f"the type of {name!r} must be float, str or bool, got: {kind!r}")
    if len(text) > LONGEST:
        raise RuleError(f"a rule must have at most {LONGEST} characters, got: {len(text)}")
    body = text.strip().replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = ast.parse(body, mode="eval").body
    except SyntaxError as error:
        where = f"line {error.lineno or 1}, column {error.offset or 1}"
        raise RuleError(f"a rule must be one expression, got: {error.msg}, at {where}") from None
    except (MemoryError, RecursionError, ValueError) as error:
        raise RuleError(f"a rule must be one readable expression, got: {error}") from None
    parser = _Parser(body, types)
    condition = parser.of_kind(bool, tree, 1)
    return Rule(body, tuple(sorted(parser.used.items())), condition)


@dataclass
class _Parser:
    text: str
    types: Mapping[str, type]
    used: dict[str, type] = field(default_factory=dict)

    def of_kind(self, kind: type, tree: ast.expr, depth: int) -> Node:
        node = self.node(tree, depth)
        if node.kind is not kind:
            raise self.refusal(tree, f"expected {KINDS[kind]}, got {KINDS[node.kind]}")
        return node

    def node(self, tree: ast.expr, depth: int) -> Node:
        if depth > DEEPEST:
            raise self.refusal(tree, f"a rule must be at most {DEEPEST} levels deep")
        below = depth + 1
        match tree:
            case ast.Name(id=name):
                found: Node = self.name(tree, name)
            case ast.Constant(value=value):
                found = self.constant(tree, value)
            case ast.BoolOp(op=op, values=operands):
                parts = tuple(self.of_kind(bool, operand, below) for operand in operands)
                found = All(parts) if isinstance(op, ast.And) else Either(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                found = Not(self.of_kind(bool, operand, below))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = Negative(self.of_kind(float, operand, below))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
                first, second = (self.of_kind(float, side, below) for side in (left, right))
                found = Arithmetic(ARITHMETIC[type(op)], first, second)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                steps = zip([left, *comparators], ops, comparators, strict=False)
                links = tuple(self.comparison(*step, below) for step in steps)
                found = links[0] if len(links) == 1 else All(links)
            case ast.Tuple() | ast.List():
                raise self.refusal(tree, "a list may stand only to the right of in or not in")
            case _:
                raise self.refusal(tree, f"cannot use {spoken(tree)}; {ALLOWED}")
        return found

    def name(self, tree: ast.expr, name: str) -> Node:
        if name not in self.types:
            nearest = difflib.get_close_matches(name, self.types, n=3, cutoff=0.0)
            raise self.refusal(tree, f"unknown name {name!r}; the nearest known: {nearest}")
        self.used[name] = self.types[name]
        return Name(name, self.types[name])

    def constant(self, tree: ast.expr, value: object) -> Constant:
        match value:
            case bool() | str():
                return Constant(value, type(value))
            case int() | float():
                if abs(value) > sys.float_info.max:
                    raise self.refusal(tree, f"a number must be at most {sys.float_info.max}")
                return Constant(float(value), float)
            case _:
                raise self.refusal(tree, f"cannot use the constant {value!r}; {ALLOWED}")

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> Node:
        if isinstance(op, ast.In | ast.NotIn):
            operand = self.node(left, depth)
            listed = self.listed(right, operand.kind)
            member = Either(tuple(Equal(operand, constant) for constant in listed))
            return member if isinstance(op, ast.In) else Not(member)
        if isinstance(op, ast.Is | ast.IsNot):
            raise self.refusal(left, f"cannot use is to compare; {ALLOWED}")
        first, second = self.node(left, depth), self.node(right, depth)
        if first.kind is not second.kind:
            raise self.refusal(
                left,
                f"cannot compare {KINDS[first.kind]} with {KINDS[second.kind]}; "
                f"both must be of one type",
            )
        if type(op) in ORDER and first.kind is not float:
            raise self.refusal(left, f"only numbers have an order, got {KINDS[first.kind]}")
        if type(op) in ORDER:
            return Comparison(ORDER[type(op)], first, second)
        same = Equal(first, second)
        return same if isinstance(op, ast.Eq) else Not(same)

    def listed(self, tree: ast.expr, kind: type) -> tuple[Constant, ...]:
        if not isinstance(tree, ast.Tuple | ast.List) or not tree.elts:
            raise self.refusal(
                tree, 'in needs a list of constants, such as ("new", "active") or ("new",)'
            )
        return tuple(self.member(element, kind) for element in tree.elts)

    def member(self, tree: ast.expr, kind: type) -> Constant:
        match self.of_kind(kind, tree, 1):
            case Constant() as constant:
                return constant
            case Negative(operand=Constant(value=float(value))):
                return Constant(-value, float)
            case _:
                raise self.refusal(tree, "a list may hold only constants")

    def refusal(self, tree: ast.expr, problem: str) -> RuleError:
        return RuleError.at(tree, self.text, problem)
