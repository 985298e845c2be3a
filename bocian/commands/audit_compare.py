"""`bocian audit --compare A B`: what two audits found that the other did not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bocian import wiring
from bocian.commands.screen import out, print_json, table
from bocian.settings import Settings
from training.audits.changes import Compared, compare


def run(settings: Settings, before: str, after: str, *, as_json: bool) -> Compared:
    """Compare two audits of predictions, the later one second.

    Args:
        settings: Of the business.
        before: A version's number or alias, whose audit is that of its training; or a file that
            `bocian audit` wrote.
        after: Likewise.
        as_json: Instead of a table.

    Raises:
        ValueError: One has no audit, or a file holds none.
    """
    audits = [_audit(settings, which) for which in (before, after)]
    compared = compare(*audits)
    told = [{key: audit.get(key) for key in ("as_of", "made_at")} for audit in audits]
    if as_json:
        print_json({"before": told[0], "after": told[1], **asdict(compared)})
    else:
        _show(
            compared, *(f"{w} ({t['as_of']})" for w, t in zip((before, after), told, strict=True))
        )
    return compared


def _audit(settings: Settings, which: str) -> dict[str, Any]:
    path = Path(which)
    if path.suffix != ".json":
        registry = wiring.registry(settings)
        return registry.document(registry.get(which), "audit")
    try:
        stated: dict[str, Any] = json.loads(path.read_text())
        groups = [group for of in stated["attributes"] for group in of["groups"]]
        if not all("comparisons" in group for group in groups):
            raise KeyError("comparisons")
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"an audit to compare must be a version, or a JSON file that `bocian audit` wrote of "
            f"predictions, got: {which} with {type(error).__name__}: {error}"
        ) from error
    return stated


def _show(compared: Compared, before: str, after: str) -> None:
    drawn = table(
        f"What was found: {before}, then {after}",
        *("who and what", "verdict", "beyond chance"),
    )
    for change in compared.changes:
        drawn.add_row(change.in_words, change.verdict, "yes" if change.moved else "not shown")
    out.print(drawn if compared.changes else "neither audit found a difference that both judged")
    for name, only in (("the first", compared.only_before), ("the second", compared.only_after)):
        if only:
            out.print(f"judged by {name} alone: {', '.join(only)}")
