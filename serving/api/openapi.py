"""The API's description in OpenAPI 3.1, made from the same types that parse requests."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api.answers import (
    CustomerExplanation,
    Decision,
    Explanation,
    PredictionsAnswer,
    ProblemDocument,
)
from serving.api.bodies import NextBestActionRequest, PredictionsRequest
from serving.api.problems import MEDIA_TYPE
from serving.api.queries import ALLOWED

_MODELS: tuple[type[BaseModel], ...] = (
    NextBestActionRequest,
    PredictionsRequest,
    Decision,
    PredictionsAnswer,
    Explanation,
    CustomerExplanation,
    ProblemDocument,
)
_BODY_PROBLEMS = {
    "400": "The body is not JSON.",
    "404": "Nothing is known of the customer.",
    "413": "The body is too large.",
    "415": "The body is not declared as application/json.",
    "422": "The body breaks a rule.",
    "503": "No bundle serves yet.",
}
_DECISION_PROBLEMS = {"404": "There is no such decision.", "503": "No bundle serves yet."}

_QUERIES = {
    "format": "A document or a page; without it the header Accept decides.",
    "language": "Of a page; a document holds both.",
    "for": "Who answers for decisions, or the customer (GDPR Art. 15(1)(h)).",
}


def document(version: str) -> dict[str, Any]:
    """The whole description."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _MODELS],
        ref_template="#/components/schemas/{model}",
    )
    decision_id = {
        "name": "decision_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "As a decision names itself.",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bocian",
            "version": version,
            "summary": "The next best action for each customer, and why.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/next-best-action": {
                "post": _operation(
                    "nextBestAction",
                    "Decide for one customer",
                    "Asked twice within a slot, it gives the same decision. Recorded before it "
                    "is answered, unless it is a preview.",
                    Decision,
                    _BODY_PROBLEMS,
                    body=NextBestActionRequest,
                )
            },
            "/v1/predictions": {
                "post": _operation(
                    "predictions",
                    "Churn, margin and hours of one customer",
                    "Nothing is recorded.",
                    PredictionsAnswer,
                    _BODY_PROBLEMS,
                    body=PredictionsRequest,
                )
            },
            "/v1/decisions/{decision_id}": {
                "parameters": [decision_id],
                "get": _operation(
                    "decision", "A decision as it was made", "", Decision, _DECISION_PROBLEMS
                ),
            },
            "/v1/decisions/{decision_id}/explanation": {
                "parameters": [decision_id, *_queries()],
                "get": _explanation(),
            },
        },
        "components": {"schemas": schemas["$defs"]},
    }


def _queries() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "schema": {"type": "string", "enum": list(values), "default": values[0]},
            "description": _QUERIES[name],
        }
        for name, values in ALLOWED.items()
    ]


def _explanation() -> dict[str, Any]:
    """One of two documents, or either as a page."""
    operation = _operation(
        "explanation",
        "Why a decision came out as it did",
        "From the stored record and the bundle that it names.",
        Explanation,
        _DECISION_PROBLEMS | {"422": "The query breaks a rule."},
    )
    either = [_reference(Explanation), _reference(CustomerExplanation)]
    operation["responses"]["200"]["content"] = {
        "application/json": {"schema": {"anyOf": either}},
        "text/html": {"schema": {"type": "string"}},
    }
    return operation


def _operation(
    name: str,
    summary: str,
    description: str,
    answer: type[BaseModel],
    problems: dict[str, str],
    body: type[BaseModel] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": _reference(answer)}},
            }
        }
        | {
            status: {
                "description": text,
                "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}},
            }
            for status, text in problems.items()
        },
    }
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(body),
                    "example": {"customer_id": "1"},
                }
            },
        }
    return operation


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
