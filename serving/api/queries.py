"""What is asked for in a path's query, parsed once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from serving.api.bodies import NoBody
from serving.api.problems import Problem
from serving.explain.amounts import LANGUAGES, Language
from serving.explain.audience import WHOM, Whom

ALLOWED: Final = {"format": ("json", "html"), "language": LANGUAGES, "for": WHOM}
"""The query's members and their values; the first is taken where none is asked for."""


class ExplanationAsked(NoBody):
    """How an explanation is to be given."""

    as_page: bool
    language: Language
    whom: Whom


def explanation_asked(request: Request) -> ExplanationAsked:
    """Read the query. Without `format` a client that accepts HTML, and no JSON, gets a page.

    Raises:
        Problem: A member or a value is not one of `ALLOWED`.
    """
    query = request.query_params
    errors = [
        {"pointer": f"?{name}", "rule": f"One of: {', '.join(ALLOWED.get(name, ALLOWED))}"}
        for name, value in query.multi_items()
        if value not in ALLOWED.get(name, ())
    ]
    errors += [
        {"pointer": f"?{name}", "rule": "Once at most"}
        for name in ALLOWED
        if len(query.getlist(name)) > 1
    ]
    if errors:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The query breaks the rules named under `errors`.",
            errors=errors,
        )
    accepts = request.headers.get("accept", "")
    by_header = "text/html" in accepts and "application/json" not in accepts
    return ExplanationAsked(
        as_page=query.get("format", "html" if by_header else "json") == "html",
        language="pl" if query.get("language") == "pl" else "en",
        whom="customer" if query.get("for") == "customer" else "staff",
    )
