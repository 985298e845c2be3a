"""`bocian send`: decide for every active customer through the API, and deliver the messages."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from bocian import wiring
from bocian.client import Client, ClientError, Decision
from bocian.commands.screen import bars, notes, out, print_json, table
from bocian.settings import Settings
from features.clock import iso, to_us
from serving.orchestrator.decision import DecisionError
from serving.orchestrator.render import Renderer
from serving.orchestrator.report import SendReport
from serving.orchestrator.run import Orchestrator
from serving.orchestrator.senders.files import FileSender


class ServiceUnreachableError(ConnectionError):
    """Nothing answers at the API's address."""

    def __init__(self, api: str) -> None:
        super().__init__(
            f"a service must answer at {api}, none does: start it with `bocian serve`, "
            f"or name another with --api"
        )


@dataclass(frozen=True)
class Asking:
    """Asks for decisions over the same API as everyone else; failures are the orchestrator's."""

    client: Client

    def next_best_action(self, customer_id: str) -> Decision:
        """The service's answer.

        Raises:
            DecisionError: There is none.
        """
        try:
            return self.client.next_best_action(customer_id)
        except ClientError as error:
            raise DecisionError(error.title, error.detail) from error


def run(
    settings: Settings, *, api: str | None, key: str | None, deliver_now: bool, as_json: bool
) -> SendReport:
    """Send, and say what became of it."""
    report = send_all(settings, api=api or address(settings), key=key, deliver_now=deliver_now)
    if as_json:
        print_json(vars(report))
    else:
        show(report, settings)
    return report


def address(settings: Settings) -> str:
    """Where the settings say that the service listens."""
    return f"http://{settings.service.host}:{settings.service.port}"


def send_all(
    settings: Settings, *, api: str, deliver_now: bool, key: str | None = None
) -> SendReport:
    """Price what is scarce, then decide, queue and deliver for every active customer."""
    engine = wiring.engine(settings)
    active = engine.active_customers(settings.horizons.active_days)
    program = engine.shelf.champion().program
    try:
        httpx.get(f"{api}/readyz", timeout=30).raise_for_status()
    except httpx.HTTPError as error:
        raise ServiceUnreachableError(api) from error
    with Client(api, key, timeout_s=30) as client, bars() as progress:
        with notes.status("pricing what is scarce"):
            engine.price_slot(active, settings.budget)
        orchestrator = Orchestrator(
            client=Asking(client),
            ledger=engine.ledger,
            renderer=Renderer(
                None
                if settings.messages.templates is None
                else settings.base / settings.messages.templates
            ),
            sender=FileSender(settings.path("outbox"), settings.time, settings.messages),
            clock=settings.time,
            actions=program.actions,
            caps=settings.caps,
            messages=settings.messages,
        )
        orchestrator.renderer.check(program.actions.values(), settings.business.languages)
        return orchestrator.send(
            active,
            deliver_now=deliver_now,
            progress=lambda done: progress.tell("decide and queue", done, len(active)),
        )


def show(report: SendReport, settings: Settings) -> None:
    """What was decided, and what became of it."""
    drawn = table(f"Decisions at {iso(to_us(settings.now))}", "action", "customers", "share",
                  right=("customers", "share"))  # fmt: skip
    for action, count in sorted(report.by_action.items(), key=lambda pair: -pair[1]):
        drawn.add_row(action, f"{count:,}", f"{count / max(report.decided, 1):.1%}")
    out.print(drawn)
    out.print(
        f"asked {report.asked:,}, queued {report.queued:,}, sent {report.sent:,}, "
        f"already done {report.already:,}, not executed {sum(report.not_executed.values()):,} "
        f"{dict(report.not_executed) or ''}, failed {report.failed:,}"
    )
    for error in report.errors:
        out.print(f"[red]{error}[/]")
    out.print(f"messages lie in {settings.path('outbox')}")
