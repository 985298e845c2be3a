"""Who was in the quiet cohort of an epoch: drawn again, and held against what was decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from features.clock import DAY_US, to_us
from serving.ledger.decisions import Drawn
from serving.policy.exploration import Exploration, Stratum


def quiet_cohorts(
    decided: Iterable[Drawn],
    customers: Sequence[str],
    *,
    draw: Exploration,
    quiet_days: int,
    time_zone: str,
    over_by: int,
) -> dict[int, frozenset[str]]:
    """By the start of each epoch (microseconds in UTC), whoever was kept quiet for all of it.

    Members are drawn from all customers. Only those for whom a decision was asked would be no
    random share: who visits is asked about, and who visits stays.

    An epoch counts if it is over, there is a decision in it, and each agrees with the draw: where
    the secret, a share or the horizon was another, somebody who is drawn as quiet may have been
    contacted.

    Args:
        decided: Decisions of the ledger.
        customers: Everyone.
        draw: The policy's shares and secret; its own epochs are not looked at.
        quiet_days: An epoch's length.
        time_zone: Of the business, in which days begin.
        over_by: An instant, microseconds in UTC: an epoch that ends later tells nothing yet.
    """
    by_epoch: dict[int, list[Drawn]] = {}
    for decision in decided:
        epoch = dt.date.fromisoformat(decision.slot).toordinal() // quiet_days
        by_epoch.setdefault(epoch, []).append(decision)
    zone, found = ZoneInfo(time_zone), {}
    for epoch, decisions in sorted(by_epoch.items()):
        day = dt.date.fromordinal(epoch * quiet_days)
        start = to_us(dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC))
        of_epoch = replace(draw, quiet_epoch=str(epoch))
        drawn = of_epoch.strata([decision.customer_id for decision in decisions])
        agrees = drawn == tuple(decision.stratum for decision in decisions)
        if start + quiet_days * DAY_US <= over_by and agrees:
            strata = zip(customers, of_epoch.strata(customers), strict=True)
            found[start] = frozenset(c for c, stratum in strata if stratum is Stratum.QUIET)
    return found
