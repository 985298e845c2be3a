"""Asking the service for decisions, over the same API that everyone else uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import httpx

from serving.orchestrator.decision import DecisionError

WAITS_S = (0.2, 0.8, 3.2)


class AsksForDecisions(Protocol):
    """Whoever can say what to do next for a customer."""

    def next_best_action(self, customer_id: str) -> dict[str, Any]:
        """The service's answer; raises DecisionError where there is none."""
        ...


class DecisionClient:
    """The service behind an HTTP client, whose `base_url` and credentials the caller sets."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        waits_s: Sequence[float] = WAITS_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._waits_s = tuple(waits_s)
        self._sleep = sleep

    def next_best_action(self, customer_id: str) -> dict[str, Any]:
        """Ask for the decision; asking again is safe, since a slot has one decision.

        Lost connections and 503 (Service Unavailable) are tried again after each of `waits_s`
        seconds; nothing else is.

        Raises:
            DecisionError: when the service refuses, or cannot be reached.
        """
        for wait_s in self._waits_s:
            try:
                return self._ask(customer_id)
            except DecisionError as error:
                if not error.transient:
                    raise
            self._sleep(wait_s)
        return self._ask(customer_id)

    def _ask(self, customer_id: str) -> dict[str, Any]:
        try:
            response = self._http.post("/v1/next-best-action", json={"customer_id": customer_id})
        except httpx.TransportError as error:
            where = str(self._http.base_url)
            raise DecisionError(
                "Service cannot be reached", f"{where}: {error}", transient=True
            ) from error
        document = _document(response)
        if response.is_success and document is not None:
            return document
        problem = document or {}
        raise DecisionError(
            str(problem.get("title", f"HTTP {response.status_code}")),
            str(problem.get("detail", "the answer must be a JSON object, and is not one")),
            transient=response.status_code == httpx.codes.SERVICE_UNAVAILABLE,
        )


def _document(response: httpx.Response) -> dict[str, Any] | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
