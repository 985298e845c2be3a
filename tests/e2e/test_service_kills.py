"""`kill -9` of the service at random moments, with decisions, events, consents and reports at work.

After each: what was acknowledged is in the ledger once, what was not is there as a whole or not at
all, and whoever asks again gets the same bytes. BOCIAN_KILLS says how many moments on each
database, BOCIAN_KILL_SEED which; with BOCIAN_SERVED_BY=bentoml it is `bocian serve` that dies.
"""

from __future__ import annotations

import json
import os
from collections import Counter

import numpy as np
import orjson
import pytest
from killing import Callers
from sqlalchemy import select

from bocian import wiring
from serving.ledger import Ledger
from serving.ledger.consents import CONSENTS
from serving.ledger.executions import EXECUTIONS
from serving.ledger.log_tables import EVENTS
from serving.ledger.sql import reading
from serving.record import answer

KILLS = int(os.environ.get("BOCIAN_KILLS", "10"))
SEED = int(os.environ.get("BOCIAN_KILL_SEED", "20250303"))
LONGEST_S = 0.5


def check(ledger: Ledger, callers: Callers) -> None:
    told, asked = set(callers.told), {*callers.told, *callers.doubtful}
    contents = {callers.told[a] for a in told if a.path == "/v1/next-best-action"}
    for content in contents:
        stored = ledger.decisions.get(json.loads(content)["decision_id"])
        assert stored is not None
        assert orjson.dumps(answer(orjson.loads(stored.record))) == content
    with reading(ledger.engine) as connection:
        events = connection.scalars(select(EVENTS.c.event_id).where(EVENTS.c.source == "till"))
        kept = {
            "/events": Counter(event_id.split()[0] for event_id in events),
            "/consents": Counter(connection.scalars(select(CONSENTS.c.means))),
            "/execution": Counter(connection.scalars(select(EXECUTIONS.c.reported_by))),
        }
    for ending, times in kept.items():
        marks = {one.mark for one in asked if one.path.endswith(ending)}
        found = {mark: n for mark, n in times.items() if mark in marks}
        assert {one.mark for one in told if one.path.endswith(ending)} <= found.keys()
        assert set(found.values()) <= {2 if ending == "/events" else 1}, ending


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(60 + 60 * KILLS)
def test_what_was_acknowledged_is_there_once_after_every_kill(own_service, ledger, shop):
    service = own_service
    callers = Callers(wiring.event_store(shop.settings).customer_ids)
    service.up("e0")
    for number in range(KILLS):
        dice = np.random.default_rng([SEED, number])
        moment = dice.uniform(0.05, LONGEST_S)
        try:
            callers.until(moment, lambda d=dice: service.kill(d), service, number)
            check(ledger, callers)
            service.up(f"e{number + 1}")
            callers.again(service, dice)
            check(ledger, callers)
        except BaseException as error:
            error.add_note(f"BOCIAN_KILL_SEED={SEED}, kill {number} after {moment} s")
            raise
    kinds = Counter(asked.path.rpartition("/")[2] for asked in callers.told)
    assert set(kinds) == {"next-best-action", "events", "consents", "execution"}
