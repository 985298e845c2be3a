"""Who is eligible: rules as marketers write them, parsed, typed and evaluated over columns."""

from serving.rules.errors import RuleError
from serving.rules.parse import parse
from serving.rules.rule import Rule, evaluate_all

__all__ = ["Rule", "RuleError", "evaluate_all", "parse"]
