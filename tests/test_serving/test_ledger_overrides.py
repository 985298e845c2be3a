"""Who answered for a release is kept, in order."""

from serving.ledger import open_ledger
from serving.ledger.overrides import Overridden


def test_overrides_are_kept_in_order(tmp_path):
    first = Overridden("d1", "Ada", "a new shop", "orders_28d moved", 1)
    second = Overridden("d2", "Ewa", "known and weighed", "age old is reached too seldom", 0)
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    for one in (first, second):
        ledger.overrides.put(one)
    ledger.close()
    assert open_ledger(f"sqlite:///{tmp_path}/ledger.db").overrides.all() == (first, second)
