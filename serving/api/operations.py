"""The calls of the API: decide, tell, look up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Connection

from features.clock import iso, to_us
from features.incoming import Event
from serving.api.bodies import (
    BatchRequest,
    ConsentAct,
    ConsentsRequest,
    EventsRequest,
    ExecutionRequest,
    NextBestActionRequest,
    NoBody,
    PredictionsRequest,
    broken,
)
from serving.api.calls import Call, Joined, Told
from serving.api.metrics import Metrics
from serving.api.problems import Problem
from serving.api.queries import ExplanationAsked, explanation_asked
from serving.engine import Asked, DecisionEngine, FeaturesError, UnknownCustomerError
from serving.explain import explain
from serving.explain.audience import explanation_for
from serving.intake import Intake, NotToBeCarriedOutError, RefusedRowsError
from serving.ledger.accesses import Visit
from serving.ledger.consents import Consent
from serving.ledger.decisions import StoredDecision
from serving.ledger.executions import Execution, Status
from serving.ledger.keys import Scope
from serving.ledger.outbox import DELIVERY_FAILED
from serving.record import Decided, answer

_Path = dict[str, str]

DECIDED_AT_ONCE = 125
"""How many of a batch are decided in one transaction: a few hundredths of a second."""


class Operations:
    """Each call's answer, from the engine that decides and the intake that is told."""

    def __init__(
        self,
        engine: Callable[[], DecisionEngine],
        metrics: Metrics,
        file_sources: Collection[str],
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._file_sources = frozenset(file_sources)

    def calls(self) -> tuple[Call[Any], ...]:
        """All of them."""
        one = "/v1/decisions/{decision_id}"
        return (
            Call("nextBestAction", "POST", "/v1/next-best-action", Scope.DECIDE,
                 NextBestActionRequest, self.next_best_action,
                 joins=lambda body: not (body.explain or body.preview), together=self.decide),
            Call("nextBestActions", "POST", "/v1/next-best-action:batch", Scope.DECIDE,
                 BatchRequest, self.next_best_actions),
            Call("predictions", "POST", "/v1/predictions", Scope.DECIDE,
                 PredictionsRequest, self.predictions),
            Call("events", "POST", "/v1/events", Scope.EVENTS, EventsRequest, self.events),
            Call("execution", "POST", f"{one}/execution", Scope.EVENTS,
                 ExecutionRequest, self.execution),
            Call("consents", "POST", "/v1/consents", Scope.CUSTOMERS,
                 ConsentsRequest, self.consents),
            Call("decision", "GET", one, Scope.REVIEW, NoBody, self.decision),
            Call("explanation", "GET", f"{one}/explanation", Scope.REVIEW,
                 ExplanationAsked, self.explanation, explanation_asked),
        )  # fmt: skip

    def next_best_action(self, body: NextBestActionRequest, _: _Path, visit: Visit) -> Told:
        """Decide for one customer, with the reasons, or as a preview."""
        engine, about = self._engine(), [body.customer_id]
        if body.preview:
            # Nothing is kept, so there is nothing that an id could lead to.
            record = engine.preview(about)[0] | {"decision_id": None}
            visit.saw(about)
        else:
            (decided,) = self._decided([Asked(about, visit)])
            if not decided:
                raise UnknownCustomerError(body.customer_id)
            record = decided[0].record
        given = answer(record)
        if body.explain:
            given["explanation"] = explain(record, engine.shelf.get(record["versions"]["bundle"]))
        return Told(given, about)

    def decide(self, asked: Sequence[Joined[NextBestActionRequest]]) -> list[Told | Exception]:
        """Decide for one customer each, for all who ask at once."""

        def told(decided: Decided) -> Told:
            return Told(decided.answer, [decided.record["customer_id"]])

        def keeping(one: Joined[NextBestActionRequest]) -> Asked:
            def keep(connection: Connection, decided: Sequence[Decided]) -> None:
                for each in decided:
                    one.keep(connection, told(each))

            return Asked([one.body.customer_id], one.visit, keep)

        found = self._decided(list(map(keeping, asked)))
        return [
            told(decided[0]) if decided else UnknownCustomerError(one.body.customer_id)
            for one, decided in zip(asked, found, strict=True)
        ]

    def next_best_actions(self, body: BatchRequest, _: _Path, visit: Visit) -> Told:
        """Decide for many, some at once: others who ask meanwhile wait for these alone."""
        decided: list[Decided] = []
        for first in range(0, len(body.customer_ids), DECIDED_AT_ONCE):
            some = body.customer_ids[first : first + DECIDED_AT_ONCE]
            decided += self._decided([Asked(some, visit)])[0]
        about = [one.record["customer_id"] for one in decided]
        unknown = orjson.dumps(sorted(set(body.customer_ids) - set(about)))
        listed = b",".join(one.answer for one in decided)
        return Told(b'{"decisions":[%b],"unknown_customers":%b}' % (listed, unknown), about)

    def predictions(self, body: PredictionsRequest, _: _Path, visit: Visit) -> Told:
        """Foretell, from what we know or from what the caller brings."""
        engine = self._engine()
        if body.features is not None:
            try:
                return Told(engine.predictions_of_features(body.features))
            except FeaturesError as error:
                raise broken([{"pointer": "#/features", "rule": str(error)}]) from None
        if body.events is not None:
            events = self._typed(body.events)
            others = [
                {"pointer": f"#/events/{row}", "rule": "customer_id must be that of the first"}
                for row, event in enumerate(events)
                if event.customer_id != events[0].customer_id
            ]
            if others:
                raise broken(others)
            return Told(engine.predictions_of_events(events))
        assert body.customer_id is not None  # noqa: S101 - the body's own rule
        about = [body.customer_id]
        content = engine.predictions(body.customer_id)
        visit.saw(about)
        return Told(content, about)

    def events(self, body: EventsRequest, _: _Path, visit: Visit) -> Told:
        """Keep events."""
        done = self._intake().add(self._typed(body.events), visit)
        return Told({"kept": done.kept, "repeated": done.repeated})

    def consents(self, body: ConsentsRequest, _: _Path, visit: Visit) -> Told:
        """Keep acts of consent."""
        acts = list(map(_consent, body.consents))
        try:
            kept = self._intake().consent(acts, visit)
        except RefusedRowsError as error:
            raise _rows(error, "consents") from None
        return Told({"kept": kept, "repeated": len(acts) - kept})

    def execution(self, body: ExecutionRequest, path: _Path, visit: Visit) -> Told:
        """Keep what somebody else did with a decision."""
        decision = self._stored(path)
        reason = DELIVERY_FAILED if body.status == "failed" else body.reason
        done = Execution(
            decision_id=decision.decision_id,
            customer_id=decision.customer_id,
            status=Status.SENT if body.status == "sent" else Status.NOT_EXECUTED,
            at_us=to_us(body.at),
            reason=reason,
            reported_by=body.by,
        )
        try:
            self._intake().executed(decision, done, visit)
        except NotToBeCarriedOutError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from None
        except RefusedRowsError as error:
            raise broken([{"pointer": "#/at", "rule": error.refused[0][1]}]) from None
        return Told(
            {
                "decision_id": decision.decision_id,
                "status": body.status,
                "at": iso(done.at_us),
                "by": body.by,
                "reason": reason,
            }
        )

    def decision(self, _: NoBody, path: _Path, visit: Visit) -> Told:
        """A decision as it was made."""
        return Told(answer(self._record(path, visit)))

    def explanation(self, asked: ExplanationAsked, path: _Path, visit: Visit) -> Told:
        """Why a decision came out as it did."""
        record = self._record(path, visit)
        loaded = self._engine().shelf.get(record["versions"]["bundle"])
        told = explanation_for(record, loaded, asked.whom, asked.language)
        return Told(told.page if asked.as_page else told.content)

    def _decided(self, asked: Sequence[Asked]) -> list[list[Decided]]:
        found = self._engine().next_best_actions(asked)
        self._metrics.decided(one.record for one in chain.from_iterable(found))
        return found

    def _record(self, path: _Path, visit: Visit) -> dict[str, Any]:
        stored = self._stored(path)
        visit.saw([stored.customer_id])
        record: dict[str, Any] = orjson.loads(stored.record)
        return record

    def _stored(self, path: _Path) -> StoredDecision:
        decision_id = path["decision_id"]
        # No id holds a NUL, and PostgreSQL fails where it is asked for one.
        found = None if "\0" in decision_id else self._engine().ledger.decisions.get(decision_id)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no decision of this id.")
        return found

    def _intake(self) -> Intake:
        engine = self._engine()
        return Intake(engine.ledger, engine.events, engine.clock, self._file_sources)

    def _typed(self, stated: list[Any]) -> list[Event]:
        try:
            return self._intake().typed(stated)
        except RefusedRowsError as error:
            raise _rows(error, "events") from None


def _rows(error: RefusedRowsError, member: str) -> Problem:
    return broken([{"pointer": f"#/{member}/{row}", "rule": rule} for row, rule in error.refused])


def _consent(act: ConsentAct) -> Consent:
    return Consent(
        customer_id=act.customer_id,
        purpose=act.purpose.value,
        channel=act.channel.value,
        given=act.given,
        at_us=to_us(act.at),
        means=act.means,
        legal_basis=act.legal_basis.value,
    )
