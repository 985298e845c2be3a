"""64 writers race for one customer's frequency cap and consent, and the history is held to both.

They decide, look once more, queue and send as `bocian send` does, from several processes, while
others withdraw and give consent as the API does. The oracle is a function of its own that goes
through the history by brute force. BOCIAN_RACE_ROUNDS says how often each writer tries.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from processes import own_copy, own_ledger
from small_shop import Shop
from sqlalchemy import select

from bocian import wiring
from features.clock import DAY_US
from serving.ledger.message import OUTBOX
from serving.ledger.sql import reading

PROCESSES, THREADS = 4, 16
ROUNDS = int(os.environ.get("BOCIAN_RACE_ROUNDS", "2"))
CAP, WINDOW_DAYS, CUSTOMER = 2, 1, "c033"


def too_many(sent_us: list[int], cap: int, window_us: int) -> list[int]:
    """The sends at which a rolling window `(t - window, t]` holds more than the cap."""
    return [t for t in sent_us if sum(t - window_us < s <= t for s in sent_us) > cap]


def against_consent(deliveries: list[dict[str, Any]], acts: list[dict[str, Any]]) -> list[Any]:
    """Deliveries after a withdrawal was acknowledged that nothing may have undone.

    An act undoes a withdrawal if it is not dated earlier, and was told before the delivery.
    """
    return [
        (delivery, act)
        for delivery in deliveries
        for act in acts
        if act["channel"] == delivery["channel"]
        and not act["given"]
        and act["ended"] < delivery["at"]
        and not any(
            other["given"]
            and other["channel"] == act["channel"]
            and other["at_us"] >= act["at_us"]
            and other["began"] < delivery["at"]
            for other in acts
        )
    ]


def without_cool_down(shop: Shop, folder: Path) -> Shop:
    """The shop again, with a bundle whose actions do not cool down: the cap alone holds them."""
    own = own_copy(shop, folder)
    shelf = wiring.shelf(own.settings)
    manifest = shelf.folder / shelf.champion().digest / "manifest.json"
    manifest.write_text(
        re.sub(r'"cool_down_days": \d+', '"cool_down_days": 0', manifest.read_text())
    )
    shelf.point_to(shelf.put(manifest.parent))
    return own


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(300 * ROUNDS)
def test_neither_cap_nor_consent_is_ever_broken(shop, ledger_url, tmp_path):
    own, ledger = without_cool_down(shop, tmp_path / "shop"), own_ledger(shop, ledger_url)
    spec = {
        "config": str(own.config),
        "customer": CUSTOMER,
        "processes": PROCESSES,
        "threads": THREADS,
        "rounds": ROUNDS,
        "environment": {
            "BOCIAN_PATHS__LEDGER": ledger_url,
            "BOCIAN_CAPS__MESSAGES": str(CAP),
            "BOCIAN_CAPS__WINDOW_DAYS": str(WINDOW_DAYS),
            "BOCIAN_POLICY__HOLDOUT_SHARE": "0",
            "BOCIAN_POLICY__QUIET_SHARE": "0",
            "BOCIAN_POLICY__ACTION_FLOOR": "0.9",
        },
    }
    words = [sys.executable, Path(__file__).with_name("racing.py"), json.dumps(spec)]
    seen = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    with reading(ledger.engine) as connection:
        outbox = connection.execute(select(OUTBOX).order_by(OUTBOX.c.sent_at_us)).all()
    reasons = ledger.executions.current(row.key for row in outbox if row.status == "withheld")
    ledger.close()
    sent = [row.sent_at_us for row in outbox if row.status == "sent"]
    assert too_many(sent, CAP, WINDOW_DAYS * DAY_US) == []
    assert against_consent(seen["deliveries"], seen["acts"]) == []
    delivered = Counter(delivery["key"] for delivery in seen["deliveries"])
    assert delivered == Counter(row.key for row in outbox if row.status == "sent"), "each once"
    assert {done.reason for done in reasons.values()} <= {"no_consent"}, "none queued too many"
    assert {row.status for row in outbox} <= {"sent", "withheld"}
    assert len(sent) > CAP, "windows must have rolled, or the cap was tried only once"


def test_the_oracles_find_what_is_planted():
    day = DAY_US
    assert too_many([0, day // 2, day], 2, day) == []
    assert too_many([0, day // 2, day - 1], 2, day) == [day - 1]
    withdrawn = {"channel": "sms", "given": False, "at_us": 5, "began": 10, "ended": 20}
    given = {"channel": "sms", "given": True, "at_us": 6, "began": 30, "ended": 40}
    late, early, latest = ({"key": "k", "channel": "sms", "at": at} for at in (25, 19, 35))
    assert against_consent([late, early], [withdrawn, given]) == [(late, withdrawn)]
    assert against_consent([latest], [withdrawn, given]) == []
    assert against_consent([latest], [withdrawn, given | {"at_us": 4}]) == [(latest, withdrawn)]
    assert against_consent([late | {"channel": "push"}], [withdrawn]) == []
