"""Who is eligible: rules as marketers write them, parsed, typed and asked about columns."""

from serving.rules.errors import RuleError
from serving.rules.parse import parse
from serving.rules.rule import Rule, Rules, together

__all__ = ["Rule", "RuleError", "Rules", "parse", "together"]
