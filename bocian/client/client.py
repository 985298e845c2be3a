"""A client of the API: one method for each call."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self, cast, overload
from urllib.parse import quote
from uuid import uuid4

import httpx

from bocian.client.answers import (
    BatchAnswer,
    CustomerExplanation,
    Decision,
    ExecutionAnswer,
    Explanation,
    Kept,
    PredictionsAnswer,
)
from bocian.client.errors import BY_STATUS, ClientError, TooManyRequestsError, UnavailableError
from bocian.client.told import Consent, Event, Instant

WAITS_S: Final = (0.2, 0.8, 3.2)
LONGEST_WAIT_S: Final = 60.0


class Client:
    """The service at an address. It may be shared between threads; close it, or use it in `with`.

    Lost connections and the statuses 429, 502, 503 and 504 are tried again, after each of `waits_s`
    seconds or as long as the service says. That is safe: a slot has one decision, and what is told
    is kept once. Events and consents go along with an `Idempotency-Key`, so that the answer counts
    them as the first attempt did.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        timeout_s: float = 10.0,
        waits_s: Sequence[float] = WAITS_S,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect nowhere yet.

        Args:
            address: Such as `http://127.0.0.1:3000`.
            key: Of `bocian keys create`; none where the service answers its own machine alone.
            timeout_s: Longest wait for a connection, and for each part of an answer.
            waits_s: Before each further attempt; none, to try once.
            transport: Of httpx, instead of its own.
            sleep: Waits so many seconds.
        """
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=timeout_s,
            transport=transport,
        )
        self._waits_s = tuple(waits_s)
        self._sleep = sleep

    def next_best_action(
        self, customer_id: str, *, explain: bool = False, preview: bool = False
    ) -> Decision:
        """The decision for a customer in the present slot.

        Args:
            customer_id: As in the events.
            explain: Give the reasons at once.
            preview: Decide without recording anything; nothing may be sent on it.
        """
        body = {"customer_id": customer_id, "explain": explain, "preview": preview}
        return cast("Decision", self._post("/v1/next-best-action", body))

    def next_best_actions(self, customer_ids: Sequence[str]) -> BatchAnswer:
        """The decisions for up to 1,000 customers, each named once."""
        body = {"customer_ids": list(customer_ids)}
        return cast("BatchAnswer", self._post("/v1/next-best-action:batch", body))

    def predictions(
        self,
        customer_id: str | None = None,
        *,
        events: Sequence[Event] | None = None,
        features: Mapping[str, float | None] | None = None,
    ) -> PredictionsAnswer:
        """Churn, margin and hours of one customer: exactly one of the three is given."""
        given = {"customer_id": customer_id, "events": events, "features": features}
        body = {name: value for name, value in given.items() if value is not None}
        return cast("PredictionsAnswer", self._post("/v1/predictions", body))

    def events(self, events: Sequence[Event]) -> Kept:
        """Tell up to 1,000 events; all are kept or none, and durable once this returns."""
        return cast("Kept", self._post("/v1/events", {"events": events}, once=True))

    def consents(self, consents: Sequence[Consent]) -> Kept:
        """Tell up to 1,000 acts of consent; all are kept or none."""
        return cast("Kept", self._post("/v1/consents", {"consents": consents}, once=True))

    def execution(
        self,
        decision_id: str,
        status: Literal["sent", "blocked", "failed"],
        *,
        at: Instant,
        by: str,
        reason: str | None = None,
    ) -> ExecutionAnswer:
        """Tell what became of a decision; `reason`, a code, exactly where it was blocked."""
        body = {"status": status, "at": at, "by": by, "reason": reason}
        path = f"{_decision(decision_id)}/execution"
        return cast("ExecutionAnswer", self._post(path, body))

    def decision(self, decision_id: str) -> Decision:
        """A decision as it was made."""
        return cast("Decision", self._get(_decision(decision_id)).json())

    @overload
    def explanation(self, decision_id: str) -> Explanation: ...
    @overload
    def explanation(self, decision_id: str, whom: Literal["staff"]) -> Explanation: ...
    @overload
    def explanation(self, decision_id: str, whom: Literal["customer"]) -> CustomerExplanation: ...
    def explanation(
        self, decision_id: str, whom: Literal["staff", "customer"] = "staff"
    ) -> Explanation | CustomerExplanation:
        """Why a decision came out as it did: for staff, or what the customer has a right to."""
        answer = self._get(_explanation(decision_id), format="json", **{"for": whom})
        return cast("Explanation | CustomerExplanation", answer.json())

    def explanation_page(
        self,
        decision_id: str,
        whom: Literal["staff", "customer"] = "staff",
        language: Literal["en", "pl"] = "en",
    ) -> str:
        """The same as a page of HTML."""
        query = {"format": "html", "language": language, "for": whom}
        return self._get(_explanation(decision_id), **query).text

    def close(self) -> None:
        """Give up all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _post(self, path: str, body: Mapping[str, Any], *, once: bool = False) -> Any:
        headers = {"Content-Type": "application/json"}
        if once:
            headers["Idempotency-Key"] = str(uuid4())
        content = json.dumps(body, default=_iso).encode()
        request = self._http.build_request("POST", path, content=content, headers=headers)
        return self._ask(request).json()

    def _get(self, path: str, **query: str) -> httpx.Response:
        return self._ask(self._http.build_request("GET", path, params=query))

    def _ask(self, request: httpx.Request) -> httpx.Response:
        for wait_s in self._waits_s:
            try:
                return self._once(request)
            except (TooManyRequestsError, UnavailableError) as error:
                self._sleep(min(max(wait_s, error.retry_after_s), LONGEST_WAIT_S))
        return self._once(request)

    def _once(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            where = f"{request.url.scheme}://{request.url.netloc.decode()}"
            raise UnavailableError("Service cannot be reached", f"{where}: {error}") from error
        if response.is_success:
            return response
        raise _error(response)


def _error(response: httpx.Response) -> ClientError:
    try:
        document = response.json()
    except ValueError:
        document = {}
    problem = document if isinstance(document, dict) else {}
    told = response.headers.get("retry-after", "")
    return BY_STATUS.get(response.status_code, ClientError)(
        str(problem.get("title", f"HTTP {response.status_code}")),
        str(problem.get("detail", "the answer is no problem document")),
        status=response.status_code,
        errors=tuple(problem.get("errors") or ()),
        retry_after_s=float(told) if told.isdigit() else 0.0,
    )


def _iso(value: object) -> str:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.isoformat()
    raise TypeError(
        f"a value must be JSON or a datetime with its zone, got: {type(value).__name__}"
    )


def _decision(decision_id: str) -> str:
    return f"/v1/decisions/{quote(decision_id, safe='')}"


def _explanation(decision_id: str) -> str:
    return f"{_decision(decision_id)}/explanation"
