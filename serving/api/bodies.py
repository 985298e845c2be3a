"""What callers send, typed once at the edge."""

from __future__ import annotations

import asyncio
import datetime as dt
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from starlette.requests import Request

from features.events import CHANNELS, EVENT_TYPES
from serving.api.problems import Problem
from serving.config import Channel, LegalBasis, Purpose

MOST_BYTES = 64 * 1024
MOST_BYTES_OF_MANY = 1024 * 1024
MOST_AT_ONCE = 1_000
LONGEST_S = 10.0

CustomerId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00]*$",  # PostgreSQL's text holds no NUL
        description="As in the events.",
        examples=["1"],
    ),
]
ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


Event = Annotated[
    Any,  # typed by the contract, which names each wrong row
    WithJsonSchema(
        {
            "title": "Event",
            "type": "object",
            "description": "Of the contract: `source` and `event_id` together make it one.",
            "properties": {
                "source": {"type": "string", "minLength": 1},
                "event_id": {"type": "string", "minLength": 1},
                "customer_id": {"type": "string", "minLength": 1},
                "occurred_at": {"type": "string", "format": "date-time"},
                "known_at": {"type": ["string", "null"], "format": "date-time"},
                "type": {"enum": list(EVENT_TYPES)},
                "channel": {"enum": [*CHANNELS, None]},
                "value_minor": {"type": ["integer", "null"]},
                "quantity": {"type": ["integer", "null"], "minimum": 0},
                **{
                    name: {"type": ["string", "null"]}
                    for name in ("category", "action_id", "message_id")
                },
                "properties": {"type": ["object", "null"]},
            },
            "required": ["source", "event_id", "customer_id", "occurred_at", "type"],
            "additionalProperties": False,
        }
    ),
]


def _from_text(value: Any) -> dt.datetime:
    # By itself pydantic would take "0" for the beginning of 1970.
    try:
        instant = dt.datetime.fromisoformat(value)
        return instant.astimezone(dt.UTC) if instant.tzinfo else instant
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be text, ISO 8601 with its zone") from None


Instant = Annotated[
    AwareDatetime,
    Field(strict=False, description="ISO 8601 with its zone."),
    BeforeValidator(_from_text),
]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    most_bytes: ClassVar[int] = MOST_BYTES


class NoBody(_Body):
    """What a call takes that only asks."""

    most_bytes: ClassVar[int] = 0


class NextBestActionRequest(_Body):
    """Which customer to decide for."""

    customer_id: CustomerId
    explain: Annotated[
        bool, Field(description="Give the reasons at once, under `explanation`.")
    ] = False
    preview: Annotated[
        bool, Field(description="Decide without recording anything; nothing may be sent on it.")
    ] = False


class BatchRequest(_Body):
    """Which customers to decide for at once."""

    most_bytes: ClassVar[int] = MOST_BYTES_OF_MANY
    customer_ids: Annotated[
        list[CustomerId],
        Field(min_length=1, max_length=MOST_AT_ONCE, description="Each of them once."),
        Field(json_schema_extra={"uniqueItems": True}),
    ]

    @model_validator(mode="after")
    def _each_once(self) -> BatchRequest:
        if len(set(self.customer_ids)) < len(self.customer_ids):
            raise ValueError("customer_ids must be different from one another")
        return self


class EventsRequest(_Body):
    """Events of the contract: canonical members, times as ISO 8601."""

    most_bytes: ClassVar[int] = MOST_BYTES_OF_MANY
    events: Annotated[list[Event], Field(min_length=1, max_length=MOST_AT_ONCE)]


_WHOM = ("customer_id", "events", "features")


def _given(name: str) -> dict[str, Any]:
    """The schema of a body in which this member is given: null counts as absent."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


class PredictionsRequest(_Body):
    """Whom to predict: a customer whom we know, or one whose events or features come along."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given(n) for n in _WHOM]})
    most_bytes: ClassVar[int] = MOST_BYTES_OF_MANY
    customer_id: CustomerId | None = None
    events: Annotated[
        list[Event] | None,
        Field(min_length=1, max_length=5_000, description="Of one customer. Not kept."),
    ] = None
    features: Annotated[
        dict[str, float | None] | None,
        Field(description="As the catalogue means them; null where unknown. Not kept."),
    ] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> PredictionsRequest:
        given = [name for name in _WHOM if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of customer_id, events and features must be given")
        return self


class ConsentAct(_Body):
    """Consent given or withdrawn, by one customer for one purpose on one channel."""

    customer_id: CustomerId
    purpose: Annotated[Purpose, Field(strict=False)]
    channel: Annotated[Channel, Field(strict=False)]
    given: Annotated[bool, Field(description="False where it is withdrawn.")]
    at: Instant
    means: Annotated[ShortText, Field(description="How it was given, such as 'a form'.")]
    legal_basis: Annotated[LegalBasis, Field(strict=False)]


class ConsentsRequest(_Body):
    """Acts of consent."""

    most_bytes: ClassVar[int] = MOST_BYTES_OF_MANY
    consents: Annotated[list[ConsentAct], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ExecutionRequest(_Body):
    """What became of a decision that somebody else carries out."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"status": {"const": "blocked"}}},
            "then": _given("reason"),
            "else": {"properties": {"reason": {"type": "null"}}},
        }
    )
    status: Literal["sent", "blocked", "failed"]
    at: Instant
    by: Annotated[ShortText, Field(description="Who reports it: a tool's name, not a person's.")]
    reason: Annotated[
        str | None,
        Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="A code: why it was blocked."),
    ] = None

    @model_validator(mode="after")
    def _reason_fits_status(self) -> ExecutionRequest:
        if (self.status == "blocked") != (self.reason is not None):
            raise ValueError("reason must be given exactly where status is 'blocked'")
        return self


Body = TypeVar("Body", bound=_Body)


async def content_of(request: Request, most_bytes: int, longest_s: float = LONGEST_S) -> bytes:
    """The request's body.

    Raises:
        Problem: 413 for more than `most_bytes`, 408 where it takes longer than `longest_s` seconds.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(longest_s):
            async for chunk in request.stream():
                content += chunk
                if len(content) > most_bytes:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"The body must hold {most_bytes} bytes at most.",
                    )
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, f"The body must come in within {longest_s:g} seconds."
        ) from None
    return bytes(content)


def parse(content: bytes, content_type: str, kind: type[Body]) -> Body:
    """A body as `kind`.

    Raises:
        Problem: 415 for another media type, 400 for what is not JSON, 422 for what breaks a rule,
            each place named by its JSON pointer.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body must be sent with the header Content-Type: application/json.",
        )
    try:
        stated = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"The body must be JSON; it breaks off at line {error.lineno}, column {error.colno}.",
        ) from None
    try:
        return kind.model_validate(stated)
    except ValidationError as error:
        raise broken(_errors(error, kind)) from None


def broken(errors: list[dict[str, str]]) -> Problem:
    """The refusal of a body that breaks rules."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The body breaks the rules named under `errors`.",
        errors=errors,
    )


def _errors(error: ValidationError, kind: type[BaseModel]) -> list[dict[str, str]]:
    allowed = ", ".join(kind.model_fields)
    listed = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        pointer = "".join(f"/{part}" for part in problem["loc"])
        rule = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            # Of what lies deeper, the fields are not these.
            told = f"; the fields are: {allowed}" if len(problem["loc"]) == 1 else ""
            rule = f"Unknown field{told}"
        listed.append({"pointer": f"#{pointer}", "rule": rule})
    return listed
