"""`bocian report holdout`: what everything together changed, against those never contacted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from bocian import wiring
from bocian.commands.screen import notes, out, print_json, table
from bocian.settings import Settings
from features.clock import DAY_US, iso, to_us
from serving.policy.exploration import Stratum, held_out
from training.evaluation.holdout import intention_to_treat
from training.programme import SinceStart, since_start


def holdout(settings: Settings, *, as_json: bool) -> dict[str, Any]:
    """Compare margin and retention since the first decision, by what was drawn for a customer.

    The quiet cohort is part of the programme: going without it is a cost that the programme has.

    Raises:
        LookupError: There is no decision, or no time has passed since the first.
        ValueError: No holdout is declared, or past decisions drew another one.
    """
    policy = settings.policy
    if policy.holdout_share == 0:
        raise ValueError(
            "a report on the holdout needs one, got: holdout_share = 0 in the table [policy]"
        )
    drawn = partial(
        held_out, secret=policy.secret.get_secret_value().encode(), share=policy.holdout_share
    )
    decisions = wiring.ledger(settings).decisions
    start, end = decisions.began_at_us(), to_us(settings.now)
    if start is None or start >= end:
        raise LookupError(
            "a report on the holdout needs decisions and some time since, got: "
            + ("no decision" if start is None else f"the first one at {iso(start)}")
        )
    decided = list(decisions.drawn())
    held = drawn([one.customer_id for one in decided])
    others = {
        one.customer_id
        for one, now_held in zip(decided, held, strict=True)
        if now_held != (one.stratum == Stratum.HOLDOUT)
    }
    if others:
        raise ValueError(
            "the holdout must be drawn as it was when decisions were made, got: another stratum "
            f"for {len(others)} customers; secret or holdout_share in [policy] has changed"
        )
    with notes.status("what customers did since"):
        rows = since_start(wiring.event_store(settings), start, end, held_out=drawn)
    found = {
        "since": iso(start),
        "until": iso(end),
        "days": round((end - start) / DAY_US, 2),
        **_effects(rows, settings.business.margin),
    }
    if as_json:
        print_json(found)
    else:
        show(found, settings.business.currency)
    return found


def _effects(rows: SinceStart, margin_rate: float) -> dict[str, Any]:
    outcomes = {"margin_minor": rows.spend * margin_rate, "retention": rows.ordered}
    return {name: asdict(intention_to_treat(of, rows.held_out)) for name, of in outcomes.items()}


def show(found: dict[str, Any], currency: str) -> None:
    """Both effects, one line each, and what could not have been seen."""
    customers = found["margin_minor"]
    drawn = table(
        f"The programme, {found['days']:g} days from {found['since'][:10]}: "
        f"{customers['main_customers']:,} customers beside {customers['holdout_customers']:,} "
        "never contacted",
        *("a customer", "main", "holdout", "difference", "95 % interval", "detectable"),
        right=("main", "holdout", "difference", "95 % interval", "detectable"),
    )

    def money(minor: float) -> str:
        return f"{minor / 100:,.2f}"

    def share(of_all: float) -> str:
        return f"{of_all:.2%}"

    shown: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        (f"margin, {currency}", "margin_minor", money),
        ("ordered", "retention", share),
    )
    for name, key, words in shown:
        of = found[key]
        gain = of["difference"]
        drawn.add_row(
            name,
            words(of["main_mean"]),
            words(of["holdout_mean"]),
            words(gain["value"]),
            f"{words(gain['low'])} to {words(gain['high'])}",
            words(of["detectable"]),
        )
    out.print(drawn)
    out.print(
        "An effect below the detectable one is found in fewer than 80 of 100 such programmes."
    )
