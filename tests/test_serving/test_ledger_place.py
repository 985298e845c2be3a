"""Two addresses of one database are one place, and two databases are two."""

from __future__ import annotations

from contextlib import closing

import pytest

from bocian import wiring
from bocian.settings import SettingsError
from serving.ledger import open_ledger
from serving.ledger.place import place


def test_one_database_is_one_place(ledger, ledger_url):
    with closing(open_ledger(ledger_url)) as again:
        assert place(again.engine) == place(ledger.engine)


def test_another_spelling_of_the_servers_name_is_the_same_place(postgresql_server):
    url = f"{postgresql_server}/postgres"
    spelt = url.replace("127.0.0.1", "localhost")
    with closing(open_ledger(url)) as one, closing(open_ledger(spelt)) as other:
        assert place(one.engine) == place(other.engine)
        with closing(open_ledger(f"{postgresql_server}/template1")) as third:
            assert place(third.engine) != place(one.engine)


def test_a_link_is_the_same_place_and_a_copy_is_not(tmp_path):
    first = tmp_path / "ledger.db"
    with closing(open_ledger(f"sqlite:///{first}")) as one:
        (tmp_path / "link.db").symlink_to(first)
        with closing(open_ledger(f"sqlite:///{tmp_path}/link.db")) as link:
            assert place(link.engine) == place(one.engine)
        with closing(open_ledger(f"sqlite:///{tmp_path}/other.db")) as other:
            assert place(other.engine) != place(one.engine)


def test_two_brands_on_one_database_are_refused(shop, tmp_path):
    (tmp_path / "north.db").touch()
    (tmp_path / "south.db").symlink_to(tmp_path / "north.db")
    brands = [
        shop.settings.model_copy(
            update={
                "paths": shop.settings.paths.model_copy(
                    update={"ledger": str(tmp_path / f"{name}.db")}
                ),
                "service": shop.settings.service.model_copy(
                    update={"brand": name, "require_keys": True}
                ),
            }
        )
        for name in ("north", "south")
    ]
    with pytest.raises(SettingsError, match=r"paths\.ledger must .* lead to one database"):
        wiring.api(brands)
