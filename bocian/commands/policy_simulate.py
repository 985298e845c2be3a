"""`bocian policy simulate`: what a policy would do with everyone today; nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from bocian import wiring
from bocian.commands.decide_all import PRICED_ON, sample
from bocian.commands.promotion import loaded_of
from bocian.commands.screen import bars, notes, out, print_json, table
from bocian.commands.train import protected_attributes
from bocian.settings import Settings
from features.union import CurrentEvents
from serving.batch import DecisionsNow
from serving.bundles import Loaded
from serving.engine import DecisionEngine
from serving.forecast import Forecast, forecast
from training.audits.allocation import allocation
from training.proof.page import render_forecast

_MOVES_SHOWN = 10


def simulate(
    settings: Settings, which: str | None, *, page: Path | None, as_json: bool
) -> dict[str, Any]:
    """Decide for everyone by a policy, and say who would get what; compared with the champion.

    Args:
        settings: Of the business; its budget and protected attributes count.
        which: A version's number or alias; None for the champion.
        page: Where the page goes; else the folder of reports.
        as_json: For machines.
    """
    engine = wiring.engine(settings)
    champion = engine.weighing().loaded
    loaded = champion if which is None else loaded_of(settings, which)
    played, prices = _play(settings, engine, loaded)
    found = _told(settings, played, prices, loaded)
    if loaded.digest != champion.digest:
        before, _ = _play(settings, engine, champion)
        found["beside_champion"] = moves(before, played)
    found["policy"] = which or "champion"
    path = page or settings.path("reports") / f"simulated-{loaded.digest[:12]}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_forecast(found))
    if as_json:
        print_json(found | {"page": str(path)})
    else:
        show(found)
        out.print(f"nothing is recorded and nothing sent; by stage and arm: {path}")
    return found


def _play(
    settings: Settings, engine: DecisionEngine, loaded: Loaded
) -> tuple[Forecast, Mapping[str, float]]:
    """Everyone's decisions, at prices at which they keep the budget."""
    events = engine.store
    weighing = replace(engine.weighing(), loaded=loaded)
    work = DecisionsNow(weighing, engine.ledger, prices={}, threads=settings.training.threads)
    if settings.budget:
        with notes.status("pricing what is scarce"):
            some = sample(events, PRICED_ON)
            prices, _ = work.priced_for(some, events.customer_count, settings.budget)
        work = replace(work, prices=prices)
    with bars() as progress:
        rows = _rows(events, work, partial(progress.tell, "decide"))
        return forecast(rows, loaded.program), work.prices


def _rows(
    events: CurrentEvents, work: DecisionsNow, progress: Callable[[int, int], None]
) -> Iterator[pa.RecordBatch]:
    done = 0
    for block in events.blocks():
        yield from work(block)
        done += len(block)
        progress(done, events.customer_count)


def _told(
    settings: Settings, played: Forecast, prices: Mapping[str, float], loaded: Loaded
) -> dict[str, Any]:
    attributes = {
        name: [values.get(customer) for customer in played.customers]
        for name, values in protected_attributes(settings).items()
    }
    by_group = allocation(played.contacted, attributes, min_size=settings.training.minimum_group)
    return {
        "bundle": loaded.digest,
        "as_of": settings.now.isoformat(),
        "currency": settings.business.currency,
        "customers": len(played.customers),
        "contacted": int(played.contacted.sum()),
        "explored": played.explored,
        "strata": dict(played.strata),
        "reachable": played.reachable,
        "given": [asdict(one) | {"value": one.value} for one in played.given],
        "closed": [
            {
                "reason": reason,
                "customers": int(counts[0]),
                "by_arm": dict(zip(played.arms[1:], counts[1:].tolist(), strict=True)),
            }
            for reason, counts in played.closed.items()
        ],
        "budgets": [
            {
                "resource": resource,
                "used": amount,
                "budget": settings.budget.get(resource),
                "price": prices.get(resource, 0.0),
            }
            for resource, amount in played.used.items()
        ],
        "fairness": [asdict(attribute) for attribute in by_group],
    }


def moves(before: Forecast, after: Forecast) -> dict[str, Any]:
    """How many get something else, from which arm to which; values by each one's own effects."""
    pairs = Counter(
        (before.arms[old], after.arms[new])
        for old, new in zip(before.arm.tolist(), after.arm.tolist(), strict=True)
    )
    moved = [(old, new, n) for (old, new), n in pairs.most_common() if old != new]
    return {
        "changed": sum(n for *_, n in moved),
        "contacted": int(before.contacted.sum()),
        "value": sum(one.value for one in before.given),
        "delivery_cost": sum(one.delivery_cost for one in before.given),
        "moves": [{"from": old, "to": new, "customers": n} for old, new, n in moved],
    }


def by_arm(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is given, over all stages, the most frequent first."""
    sums: dict[tuple[str, str | None], dict[str, Any]] = {}
    for one in given:
        key = one["action_id"], one["channel"]
        total = sums.setdefault(key, dict.fromkeys(_SUMMED, 0) | {"arm": _name(*key)})
        for name in _SUMMED:
            total[name] += one[name]
    return sorted(sums.values(), key=lambda total: (-total["customers"], total["arm"]))


_SUMMED = ("customers", "gain", "delivery_cost", "contact_cost", "value")


def _name(action_id: str, channel: str | None) -> str:
    return action_id if channel is None else f"{action_id}/{channel}"


def show(found: Mapping[str, Any]) -> None:
    """Who gets what, what it uses, what is closed, and the shares of groups."""
    everyone = max(found["customers"], 1)
    right = ("customers", "share", "expected gain", "delivery", "patience", "value")
    drawn = table(
        f"What {found['policy']} would do today with {found['customers']:,} customers "
        f"(money in minor units of {found['currency']}, without levers)",
        *("arm", *right),
        right=right,
    )
    for one in by_arm(found["given"]):
        drawn.add_row(
            one["arm"],
            f"{one['customers']:,}",
            f"{one['customers'] / everyone:.1%}",
            *(f"{one[name]:,.0f}" for name in _SUMMED[1:]),
        )
    out.print(drawn)
    strata = found["strata"]
    out.print(
        f"{found['explored']:,} explored; {strata['holdout']:,} in the holdout and "
        f"{strata['quiet']:,} in the quiet cohort get nothing; something is open to "
        f"{found['reachable']:,}"
    )
    for one in found["budgets"]:
        limit = "no budget" if one["budget"] is None else f"of {one['budget']:,.0f}"
        out.print(f"{one['resource']}: {one['used']:,.0f} used, {limit}; price {one['price']:.2f}")
    closed = table("Closed", "reason", "customers", "share", right=("customers", "share"))
    for one in found["closed"]:
        share = f"{one['customers'] / everyone:.1%}"
        closed.add_row(one["reason"], f"{one['customers']:,}", share)
    out.print(closed)
    _show_fairness(found["fairness"])
    if beside := found.get("beside_champion"):
        out.print(
            f"the champion would contact {beside['contacted']:,}; {beside['changed']:,} customers "
            "would get something else:"
        )
        for move in beside["moves"][:_MOVES_SHOWN]:
            out.print(f"  {move['customers']:,} from {move['from']} to {move['to']}")


def _show_fairness(fairness: list[dict[str, Any]]) -> None:
    if not fairness:
        return
    right = ("customers", "contacted", "of the others")
    drawn = table(
        "Who is contacted, by protected attribute", "group", *right, "finding", right=right
    )
    for attribute in fairness:
        for group in attribute["groups"]:
            share = group["share"]
            drawn.add_row(
                f"{attribute['name']} {group['value']}",
                f"{group['customers']:,}",
                f"{share['value']:.1%} [{share['low']:.1%}, {share['high']:.1%}]",
                f"{group['share_of_others']:.1%}",
                f"{'differs' if group['found'] else 'no difference found'}, "
                f"p = {group['p_holm']:.3f}",
            )
        if not attribute["groups"]:
            drawn.add_row(attribute["name"], "", "", "", str(attribute["finding"]))
    out.print(drawn)
