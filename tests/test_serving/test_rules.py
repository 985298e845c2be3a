"""Rules: what they say, against an oracle of one row at a time, and what they refuse."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving.rules import Rule, RuleError, parse, together

TYPES = {
    "x": float,
    "y": float,
    "days_since_last_order": float,
    "churn_probability": float,
    "lifecycle_stage": str,
    "country": str,
    "vip": bool,
    "newsletter": bool,
}
Row = dict[str, Any]
Scalar = Callable[[Row], Any]  # what an expression is in one row; None is unknown
Piece = tuple[str, Scalar]  # an expression as text, and its oracle

NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 0.1, 3.0, 2.5e300, math.nan])
TEXTS = st.sampled_from(["new", "lost", "", "zażółć", None])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            name: NUMBERS if kind is float else TEXTS if kind is str else st.booleans()
            for name, kind in TYPES.items()
        }
    ),
    min_size=1,
    max_size=6,
)


def named(names: list[str]) -> st.SearchStrategy[Piece]:
    def read(name: str) -> Scalar:
        return lambda row: None if row[name] != row[name] else row[name]

    return st.sampled_from(names).map(lambda name: (name, read(name)))


def constant(value: Any) -> Piece:
    return repr(value), lambda _: value


def strictly(operation: Callable[..., Any], *operands: Scalar) -> Scalar:
    """Unknown if an operand is; else the operation, of which NaN and x / 0 are unknown."""

    def work_out(row: Row) -> Any:
        values = [operand(row) for operand in operands]
        if None in values:
            return None
        try:
            result = operation(*values)
        except ZeroDivisionError:
            return None
        return None if result != result else result

    return work_out


def kleene_and(left: Scalar, right: Scalar) -> Scalar:
    def work_out(row: Row) -> bool | None:
        values = {left(row), right(row)}
        return False if False in values else None if None in values else True

    return work_out


def kleene_or(left: Scalar, right: Scalar) -> Scalar:
    def work_out(row: Row) -> bool | None:
        values = {left(row), right(row)}
        return True if True in values else None if None in values else False

    return work_out


ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def binary(sign: str, table: dict[str, Callable[..., Any]], left: Piece, right: Piece) -> Piece:
    return f"({left[0]} {sign} {right[0]})", strictly(table[sign], left[1], right[1])


def listed(operand: Piece, negated: bool, values: list[Any]) -> Piece:
    text = f"({operand[0]} {'not in' if negated else 'in'} {tuple(values)!r})"
    return text, strictly(lambda value: (value in values) != negated, operand[1])


def chained(a: Piece, first: str, b: Piece, second: str, c: Piece) -> Piece:
    text = f"({a[0]} {first} {b[0]} {second} {c[0]})"
    return text, kleene_and(
        strictly(COMPARE[first], a[1], b[1]), strictly(COMPARE[second], b[1], c[1])
    )


def numeric() -> st.SearchStrategy[Piece]:
    leaves = named(["x", "y", "days_since_last_order"]) | st.sampled_from(
        [constant(v) for v in (0, 1, 2.5, 1e308)]
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(binary, st.sampled_from("+-*/"), st.just(ARITHMETIC), inner, inner),
            inner.map(lambda p: (f"(-{p[0]})", strictly(lambda a: -a, p[1]))),
        ),
        max_leaves=5,
    )


def conditions() -> st.SearchStrategy[Piece]:
    number, text = numeric(), named(["lifecycle_stage", "country"])
    truth = named(["vip", "newsletter"]) | st.sampled_from([constant(True), constant(False)])
    some_text = st.sampled_from([constant(v) for v in ("new", "lost", "", "zażółć", "it's")])
    sign, equality = st.sampled_from(list(COMPARE)), st.sampled_from(["==", "!="])
    compare = st.just(COMPARE)
    leaves = st.one_of(
        truth,
        st.builds(binary, sign, compare, number, number),
        st.builds(chained, number, sign, number, sign, number),
        st.builds(binary, equality, compare, text, text | some_text),
        st.builds(binary, equality, compare, truth, truth),
        st.builds(
            listed, number, st.booleans(), st.lists(st.sampled_from([-1, 0, 2.5]), min_size=1)
        ),
        st.builds(listed, text, st.booleans(), st.lists(st.sampled_from(["new", ""]), min_size=1)),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda a, b: (f"({a[0]} and {b[0]})", kleene_and(a[1], b[1])), inner, inner),
            st.builds(lambda a, b: (f"({a[0]} or {b[0]})", kleene_or(a[1], b[1])), inner, inner),
            inner.map(lambda p: (f"(not {p[0]})", strictly(lambda a: not a, p[1]))),
        ),
        max_leaves=6,
    )


WORDS = ("new", "lost", "", "zażółć")


def columns_of(rows: list[Row]) -> dict[str, np.ndarray]:
    """Numbers, of texts their places among `WORDS`, NaN for what is unknown."""

    def number(value: Any) -> float:
        known = WORDS.index(value) if isinstance(value, str) else value
        return math.nan if known is None else float(known)

    return {name: np.array([number(row[name]) for row in rows]) for name in TYPES}


@given(conditions(), ROWS)
def test_a_rule_says_what_the_oracle_says(piece: Piece, rows: list[Row]) -> None:
    text, oracle = piece
    if len(text) > 1_000:
        return
    eligible = together([parse(text, TYPES)], WORDS)(columns_of(rows))
    assert eligible.dtype == np.bool_
    assert eligible[:, 0].tolist() == [oracle(row) is True for row in rows], text


@given(st.lists(conditions(), max_size=4), ROWS)
def test_rules_together_say_what_each_says_alone(pieces: list[Piece], rows: list[Row]) -> None:
    rules, columns = (
        [parse(text, TYPES) for text, _ in pieces if len(text) <= 1_000],
        columns_of(rows),
    )
    found = together(rules, WORDS)(columns)
    assert found.shape == (len(rows), len(rules))
    for rule, holds in zip(rules, found.T, strict=True):
        assert holds.tolist() == asked(rule, columns).tolist()


def asked(rule: Rule, columns: dict[str, np.ndarray]) -> np.ndarray:
    return together([rule], WORDS)(columns)[:, 0]


X = np.array([0.0, 1.0, 2.0, np.nan])
STAGE = np.array([0.0, 1.0, np.nan, 1.0])  # new, lost, unknown, lost
VIP = np.array([1.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("True", [1, 1, 1, 1]),
        ("False", [0, 0, 0, 0]),
        ("x < 2", [1, 1, 0, 0]),
        ("not x < 2", [0, 0, 1, 0]),  # not unknown is unknown
        ("x < 2 or not x < 2", [1, 1, 1, 0]),
        ("x < 2 or lifecycle_stage == 'lost'", [1, 1, 0, 1]),  # unknown or True is True
        ("x != x", [0, 0, 0, 0]),
        ("0 < x <= 2", [0, 1, 1, 0]),
        ("1 / x > 0", [0, 1, 1, 0]),  # dividing by zero gives unknown
        ("not 1 / x > 0", [0, 0, 0, 0]),
        ("x - 1 == -1", [1, 0, 0, 0]),
        ("not x * 1e308 * 9 - x * 1e308 * 9 < 1", [0, 0, 0, 0]),  # so does infinity - infinity
        ("2 + x * 3 == 8", [0, 0, 1, 0]),
        ("x in [-0, 2]", [1, 0, 1, 0]),
        ("x not in (0, 2)", [0, 1, 0, 0]),
        ("lifecycle_stage != 'new'", [0, 1, 0, 1]),
        ("lifecycle_stage not in ('new',)", [0, 1, 0, 1]),
        ("vip", [1, 0, 1, 0]),
        ("vip == False", [0, 1, 0, 1]),
        ("not vip and lifecycle_stage == 'lost' or x == 0", [1, 1, 0, 1]),
        ("  (\n  vip  # the best\r\n  and x > 0\n)  ", [0, 0, 1, 0]),
        ("1 < 2", [1, 1, 1, 1]),
    ],
)
def test_a_rule_by_hand(text: str, expected: list[int]) -> None:
    columns = {"x": X, "lifecycle_stage": STAGE, "vip": VIP}
    assert asked(parse(text, TYPES), columns).astype(int).tolist() == expected


def test_a_rule_knows_what_it_reads() -> None:
    rule = parse(" vip and x < days_since_last_order ", TYPES)
    assert rule.names == {"vip", "x", "days_since_last_order"}
    assert rule.text == "vip and x < days_since_last_order"
    assert parse("True", TYPES).names == frozenset()


def test_rules_are_values() -> None:
    rule = parse("x < 2 and lifecycle_stage in ('lost',)", TYPES)
    assert rule == parse("x < 2 and lifecycle_stage in ('lost',)", TYPES)
    assert rule != parse("x < 3 and lifecycle_stage in ('lost',)", TYPES)
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_no_customer_is_no_answer() -> None:
    assert asked(parse("x < 3 or True", TYPES), {"x": np.array([])}).tolist() == []


def test_a_text_that_no_column_holds_is_another() -> None:
    columns = {"country": np.array([0.0, 3.0])}
    other, both = "country in ('PL', 'DE')", "country != 'PL' and 'PL' == 'PL' != 'DE'"
    found = together([parse(other, TYPES), parse(both, TYPES)], WORDS)(columns)
    assert found.tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("len(x) > 3", "cannot use a call; allowed are names.* line 1, column 1 "),
        ("1 > x.real", "cannot use an attribute; .* column 5 "),
        ("x[0] > 1", "cannot use a subscript"),
        ("f'{x}' == country", "cannot use an f-string"),
        ("(lambda: True)", "cannot use a lambda"),
        ("(z := x) > 1", "cannot use an assignment"),
        ("x if vip else y", r"cannot use if \.\.\. else"),
        ("[x for x in (1, 2)]", "cannot use a comprehension"),
        ("{x} == {y}", "cannot use a set"),
        ("x ** 2 > 4", r"cannot use the operator \*\*; "),
        ("x % 2 == 0", "cannot use the operator %"),
        ("vip & newsletter", "cannot use the operator &"),
        ("+x > 1", r"cannot use the operator \+ before a value"),
        ("x is 1", "cannot use is to compare"),
        ("None", "cannot use the constant None"),
        ("x == 1j", "cannot use the constant 1j"),
        ("country == b'PL'", "cannot use the constant b'PL'"),
        ("x < 1e999", "a number must be at most 1.79"),
        ("x < " + "9" * 400, "a number must be at most 1.79"),
        ("x", "expected a condition, got a number"),
        ("country", "expected a condition, got a text"),
        ("vip and x", "expected a condition, got a number, at line 1, column 9 "),
        ("not x", "expected a condition, got a number"),
        ("vip + 1 > 1", "expected a number, got a condition"),
        ("-country == 'PL'", "expected a number, got a text"),
        ("lifecycle_stage == 3", "cannot compare a text with a number; both must be of one type"),
        ("x == True", "cannot compare a number with a condition"),
        ("country < 'PL'", "only numbers have an order, got a text"),
        ("vip < True", "only numbers have an order, got a condition"),
        ("lifecycle_stage in ('lost')", r'in needs a list of constants, such as \("new", "active"'),
        ("x in ()", "in needs a list of constants"),
        ("lifecycle_stage in country", "in needs a list of constants"),
        ("x in (1, y)", "a list may hold only constants, at line 1, column 10 "),
        ("x in (1, 1 + 1)", "a list may hold only constants"),
        ("x in (1, 'lost')", "expected a number, got a text"),
        ("x in (*y,)", "cannot use a star"),
        ("(1, 2) == x", "a list may stand only to the right of in"),
        ("churn_probabilty > 0.5", r"unknown name 'churn_probabilty'; .*\['churn_probability'"),
        ("'zażółć' == country and é", "unknown name 'é'.* line 1, column 25 "),
        ("(vip\nand z)", "unknown name 'z'.* line 2, column 5 "),
        ("(vip\rand z)", "unknown name 'z'.* line 2, column 5 "),
        ("x >", "must be one expression, got: invalid syntax, at line 1"),
        ("x = 1", "must be one expression, got: invalid syntax"),
        ("vip; vip", "must be one expression, got: invalid syntax"),
        ("", "must be one expression, got: invalid syntax, at line 1, column 1"),
        ("vip\0", "must be one expression, got: .*null bytes"),
        ("country == '\ud800'", "must be one readable expression, got: .*surrogates"),
        ("(" * 300 + "vip" + ")" * 300, "must be one expression, got: too many nested"),
        ("not " * 32 + "vip", "at most 32 levels deep, at line 1, column 129 "),
        ("-" * 900 + "x > 1", "at most 32 levels deep"),
    ],
)
def test_what_is_not_allowed_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        parse(text, TYPES)


def test_the_limits_themselves_are_allowed() -> None:
    longest = "vip or " * 142 + "vip   "
    assert len(longest) == 1_000
    assert parse(longest, TYPES).names == {"vip"}
    with pytest.raises(RuleError, match="at most 1000 characters, got: 1001"):
        parse(longest + " ", TYPES)
    assert asked(parse("not " * 31 + "vip", TYPES), {"vip": VIP}).tolist() == (VIP == 0).tolist()


@given(st.text(max_size=40) | st.text("xvip()[]'\"\\ .,<>=!+-*/andortif\n\r\x0c#0123", max_size=40))
@example("(vip\x0c\nand z)")
def test_any_text_gives_a_rule_or_a_rule_error(text: str) -> None:
    try:
        rule = parse(text, {"x": float, "vip": bool})
    except RuleError:
        return
    assert asked(rule, {"x": X, "vip": VIP}).shape == (4,)


def test_a_type_that_rules_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="type of 'x' must be float, str or bool, got: <class"):
        parse("x > 1", {"x": int})
