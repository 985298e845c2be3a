"""What callers send, typed once at the edge."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from serving.api.problems import Problem

MOST_BYTES = 64 * 1024

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


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class NextBestActionRequest(_Body):
    """Which customer to decide for."""

    customer_id: CustomerId
    explain: Annotated[
        bool, Field(description="Give the reasons at once, under `explanation`.")
    ] = False
    preview: Annotated[
        bool, Field(description="Decide without recording anything; nothing may be sent on it.")
    ] = False


class PredictionsRequest(_Body):
    """Which customer to predict."""

    customer_id: CustomerId


Body = TypeVar("Body", bound=_Body)


async def read(request: Request, kind: type[Body]) -> Body:
    """The request's body as `kind`.

    Raises:
        Problem: 415 for another media type, 413 for too many bytes, 400 for what is not JSON, 422
            for what breaks a rule, each place named by its JSON pointer.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body must be sent with the header Content-Type: application/json.",
        )
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body must hold {MOST_BYTES} bytes at most.",
            )
    try:
        stated = orjson.loads(bytes(content))
    except orjson.JSONDecodeError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"The body must be JSON; it breaks off at line {error.lineno}, column {error.colno}.",
        ) from None
    try:
        return kind.model_validate(stated)
    except ValidationError as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The body breaks the rules named under `errors`.",
            errors=_errors(error, kind),
        ) from None


def _errors(error: ValidationError, kind: type[BaseModel]) -> list[dict[str, str]]:
    allowed = ", ".join(kind.model_fields)
    listed = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        pointer = "".join(f"/{part}" for part in problem["loc"])
        rule = problem["msg"]
        if problem["type"] == "extra_forbidden":
            rule = f"Unknown field; the fields are: {allowed}"
        listed.append({"pointer": f"#{pointer}", "rule": rule})
    return listed
