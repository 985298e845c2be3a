"""The API's description in OpenAPI 3.1, made from the same types that parse requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api import examples
from serving.api.answers import (
    BatchAnswer,
    CustomerExplanation,
    Decision,
    ExecutionAnswer,
    Explanation,
    Kept,
    PredictionsAnswer,
    ProblemDocument,
)
from serving.api.bodies import (
    BatchRequest,
    ConsentsRequest,
    EventsRequest,
    ExecutionRequest,
    NextBestActionRequest,
    PredictionsRequest,
)
from serving.api.problems import MEDIA_TYPE
from serving.api.queries import ALLOWED


@dataclass(frozen=True)
class _Described:
    """What the description says of one operation; `problems` beside those that all may have.

    By its `queries` it may answer with `or_else`, and with either as a page.
    """

    name: str
    summary: str
    description: str
    answer: type[BaseModel]
    answered: examples.Example
    problems: tuple[str, ...] = ()
    takes: type[BaseModel] | None = None
    example: examples.Example | None = None
    queries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    or_else: type[BaseModel] | None = None


_PROBLEMS: Final = {
    "400": "The body is not JSON, or the header Idempotency-Key is malformed.",
    "401": "The call needs a key that is neither expired nor revoked.",
    "403": "The key lacks the scope, or without keys the caller is not this machine.",
    "404": "Nothing is known of the customer, or there is no such decision.",
    "408": "The body did not come in within 10 seconds.",
    "409": "The decision is not to be carried out by others.",
    "413": "The body is too large.",
    "415": "The body is not declared as application/json.",
    "422": "The body or the query breaks a rule, or the Idempotency-Key came with another request "
    "before.",
    "429": "The key asks too often or sends too much; Retry-After says when to ask again.",
    "503": "No bundle serves yet.",
}
_OF_ALL: Final = ("401", "403", "413", "429")
_OF_BODIES: Final = ("400", "408", "415", "422")

_OPERATIONS: Final = {
    ("post", "/v1/next-best-action"): _Described(
        "nextBestAction",
        "Decide for one customer",
        "Asked twice within a slot, it gives the same decision. Recorded before it is answered, "
        "unless it is a preview.",
        Decision,
        examples.DECISION,
        ("404", "503"),
        NextBestActionRequest,
        examples.CUSTOMER,
    ),
    ("post", "/v1/next-best-action:batch"): _Described(
        "nextBestActions",
        "Decide for up to 1,000 customers",
        "The same decisions as one by one. Those of whom nothing is known are named.",
        BatchAnswer,
        examples.DECISIONS,
        ("503",),
        BatchRequest,
        examples.CUSTOMERS,
    ),
    ("post", "/v1/predictions"): _Described(
        "predictions",
        "Churn, margin and hours of one customer",
        "Of one whom we know, or from events or features that the caller brings. Nothing is "
        "kept of these.",
        PredictionsAnswer,
        examples.PREDICTIONS,
        ("404", "503"),
        PredictionsRequest,
        examples.CUSTOMER,
    ),
    ("post", "/v1/events"): _Described(
        "events",
        "Tell up to 1,000 events",
        "All are kept or none, and durable once answered; the next decision knows them. An event "
        "is known by its source and event_id, and is kept once however often it is told.",
        Kept,
        examples.KEPT,
        (),
        EventsRequest,
        examples.EVENTS,
    ),
    ("post", "/v1/consents"): _Described(
        "consents",
        "Tell up to 1,000 acts of consent",
        "All are kept or none, and durable once answered; the next decision knows them.",
        Kept,
        examples.KEPT,
        (),
        ConsentsRequest,
        examples.CONSENTS,
    ),
    ("post", "/v1/decisions/{decision_id}/execution"): _Described(
        "execution",
        "Tell what became of a decision",
        "For whoever sends messages themselves. What was sent counts as a contact from then on. "
        "The same report twice is kept once.",
        ExecutionAnswer,
        examples.EXECUTED,
        ("404", "409"),
        ExecutionRequest,
        examples.EXECUTION,
    ),
    ("get", "/v1/decisions/{decision_id}"): _Described(
        "decision",
        "A decision as it was made",
        "The same members as when it was made.",
        Decision,
        examples.DECISION,
        ("404",),
    ),
    ("get", "/v1/decisions/{decision_id}/explanation"): _Described(
        "explanation",
        "Why a decision came out as it did",
        "From the stored record and the bundle that it names.",
        Explanation,
        examples.EXPLANATION,
        ("404", "503"),
        queries=ALLOWED,
        or_else=CustomerExplanation,
    ),
}
_DECISION_ID: Final = {
    "name": "decision_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "As a decision names itself.",
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    "description": "The first answer under it is given again for a week, byte for byte.",
}

_LINKS: Final = {
    "nextBestAction": {
        "links": {
            name: {
                "operationId": name,
                "parameters": {"decision_id": "$response.body#/decision_id"},
            }
            for name in ("decision", "explanation", "execution")
        }
    }
}
"""What may be asked next, with members of the answer."""

_QUERIES: Final = {
    "format": "A document or a page; without it the header Accept decides.",
    "language": "Of a page; a document holds both.",
    "for": "Who answers for decisions, or the customer (GDPR Art. 15(1)(h)).",
}


def document(version: str) -> dict[str, Any]:
    """The whole description."""
    described = _OPERATIONS.values()
    models = {m for d in described for m in (d.takes, d.answer, d.or_else) if m} | {ProblemDocument}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in ordered],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for (verb, path), operation in _OPERATIONS.items():
        item = paths.setdefault(path, {})
        if "{decision_id}" in path:
            item["parameters"] = [_DECISION_ID]
        item[verb] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bocian",
            "version": version,
            "summary": "The next best action for each customer, and why.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key from `bocian keys create`; none where the service "
                    "answers its own machine alone.",
                }
            },
        },
    }


def _operation(described: _Described) -> dict[str, Any]:
    further = (*(_OF_BODIES if described.takes else ()), *(("422",) if described.queries else ()))
    problems = {
        status: _PROBLEMS[status] for status in sorted((*_OF_ALL, *further, *described.problems))
    }
    operation: dict[str, Any] = {
        "operationId": described.name,
        "summary": described.summary,
        "description": described.description,
        "responses": {
            "200": {
                "description": "Done.",
                "content": _content(described),
            }
            | _LINKS.get(described.name, {})
        }
        | {
            status: {
                "description": text,
                "content": {
                    MEDIA_TYPE: {
                        "schema": _reference(ProblemDocument),
                        "example": examples.problem(status, text),
                    }
                },
            }
            for status, text in problems.items()
        },
    }
    if described.queries:
        operation["parameters"] = _in_query(described.queries)
    if described.takes is not None:
        operation["parameters"] = [_IDEMPOTENCY_KEY]
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(described.takes),
                    "example": described.example,
                }
            },
        }
    return operation


def _content(described: _Described) -> dict[str, Any]:
    schema: dict[str, Any] = _reference(described.answer)
    if described.or_else is None:
        return {"application/json": {"schema": schema, "example": described.answered}}
    either = [schema, _reference(described.or_else)]
    return {
        "application/json": {"schema": {"anyOf": either}, "example": described.answered},
        "text/html": {"schema": {"type": "string"}},
    }


def _in_query(queries: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "schema": {"type": "string", "enum": list(values), "default": values[0]},
            "description": _QUERIES[name],
        }
        for name, values in queries.items()
    ]


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
