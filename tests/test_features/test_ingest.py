"""From a business's own files to events: what is kept, what is refused and why, and no row lost."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_rows import NOW, SOURCE, event, kept, load, refused, store_of, write
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import to_us
from features.config import Source
from features.files import SourceError
from features.ingest import Counts, ingest
from features.store import EventStore

LATER = dt.datetime(2019, 1, 1, 5, tzinfo=dt.UTC)
COLUMNS = ("event_id", "customer_id", "occurred_at", "type")
ROWS = [
    {"event_id": "1", "customer_id": "a", "occurred_at": "2017-05-01 10:00:00", "type": "session"},
    {"event_id": "2", "customer_id": "b", "occurred_at": "2017-05-02 10:00:00", "type": "session"},
]


def source(files="rows.csv", name="shop", columns=(), **options):
    """A source whose columns are called as in the contract, and those of `columns` besides."""
    named = {c: c for c in (*COLUMNS, *columns)}
    files = files if isinstance(files, dict) else {"rows": files}
    return Source(name=name, files=files, columns=named, **options)


def write_csv(path, rows, opened=open):
    with opened(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def one(folder, row, *, now=NOW, **options):
    """What becomes of one row of text in a Parquet file: the event, or the reason."""
    full = ROWS[0] | row
    columns = [c for c in full if c not in COLUMNS and c not in options.get("properties", {})]
    table = pa.table({k: pa.array([v], v.type if isinstance(v, pa.Scalar) else pa.string())
                      for k, v in full.items()})  # fmt: skip
    pq.write_table(table, folder / "rows.parquet")
    load(folder, source("rows.parquet", columns=columns, **options), now=now)
    events, quarantined = kept(folder), refused(folder)
    assert len(events) + len(quarantined) == 1
    return events[0] if events else quarantined[0]["reason"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet", "ro*.parquet"])
def test_each_kind_of_file_gives_the_same_events(name, tmp_path):
    if "csv" in name:
        write_csv(tmp_path / name, ROWS, gzip.open if name.endswith("gz") else open)
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    load(tmp_path, source(name))
    assert [(e["source"], e["event_id"], e["customer_id"], e["type"]) for e in kept(tmp_path)] == [
        ("shop", "1", "a", "session"),
        ("shop", "2", "b", "session"),
    ]
    assert kept(tmp_path)[0]["occurred_at"] == dt.datetime(2017, 5, 1, 10, tzinfo=dt.UTC)


def test_a_pattern_reads_all_files_that_it_fits(tmp_path):
    for i, row in enumerate(ROWS):
        write_csv(tmp_path / f"part-{i}.csv", [row])
    (counts,) = load(tmp_path, source("part-*.csv"))
    assert (counts.read, counts.kept) == (2, 2)


def test_a_query_joins_files(tmp_path):
    write_csv(tmp_path / "rows.csv", ROWS)
    write_csv(tmp_path / "prices.csv", [{"event_id": 1, "price": 12.5}])
    joined = source(
        {"rows": "rows.csv", "prices": "prices.csv"},
        query="SELECT rows.*, price FROM rows LEFT JOIN prices USING (event_id)",
    )
    columns = joined.columns | {"value_minor": "price * 100"}
    load(tmp_path, joined.model_copy(update={"columns": columns}))
    assert [e["value_minor"] for e in kept(tmp_path)] == [1250, None]


def test_sources_are_counted_apart_and_may_share_ids(tmp_path):
    write_csv(tmp_path / "rows.csv", ROWS)
    counts = load(tmp_path, source(name="shop"), source(name="app"))
    assert [(c.source, c.kept) for c in counts] == [("shop", 2), ("app", 2)]


WRONG = [
    ({"event_id": ""}, "event_id is empty"),
    ({"event_id": None}, "event_id is empty"),
    ({"customer_id": None}, "customer_id is empty"),
    ({"customer_id": ""}, "customer_id is a guest's, not one customer's"),
    ({"customer_id": "0"}, "customer_id is a guest's, not one customer's"),
    ({"occurred_at": None}, "occurred_at is empty"),
    ({"occurred_at": "yesterday"}, "occurred_at is not a time"),
    ({"occurred_at": "2017-02-30 10:00:00"}, "occurred_at is not a time"),
    ({"occurred_at": "2017-05-01 10:00:00 Europe/Warsaw"}, "occurred_at is not a time"),
    ({"occurred_at": "infinity"}, "occurred_at is not a time"),
    ({"occurred_at": "2018-01-01T05:00:00.000001Z"}, "occurred_at is in the future"),
    ({"known_at": "soon"}, "known_at is not a time"),
    ({"known_at": "2017-05-01 09:59:59"}, "known_at is before occurred_at"),
    ({"type": None}, "type is not one of the contract's"),
    ({"type": "Order"}, "type is not one of the contract's"),
    ({"channel": "carrier pigeon"}, "channel is not one of the contract's"),
    ({"type": "order", "value_minor": None}, "value_minor is empty"),
    ({"type": "order_return", "value_minor": "-1"}, "value_minor is negative"),
    ({"value_minor": "a lot"}, "value_minor is not a whole number"),
    ({"value_minor": "12.99"}, "value_minor is not a whole number"),
    ({"value_minor": "99999999999999999999"}, "value_minor is not a whole number"),
    ({"value_minor": "NaN"}, "value_minor is not a whole number"),
    ({"quantity": "some"}, "quantity is not a whole number"),
    ({"quantity": "1.5"}, "quantity is not a whole number"),
    ({"quantity": "-2"}, "quantity is negative"),
    ({"type": "nps_answer"}, "score is empty"),
    ({"type": "review"}, "score is empty"),
]


@pytest.mark.parametrize(("row", "reason"), WRONG)
def test_what_breaks_the_contract_is_refused_with_its_reason(row, reason, tmp_path):
    assert one(tmp_path, row) == reason


@pytest.mark.parametrize("name", ["discount_minor", "coupon_minor"])
@pytest.mark.parametrize("value", ["free", "0.5"])
def test_a_discount_that_is_no_whole_number_is_refused_and_not_taken_for_none(
    name, value, tmp_path
):
    row = {name: value}
    assert one(tmp_path, row, properties={name: name}) == f"{name} is not a whole number"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"occurred_at": "2018-01-01T05:00:00Z"}, {"occurred_at": NOW}),  # now is not the future
        ({"known_at": "2018-01-01 05:00:00"}, {"known_at": NOW}),
        ({"occurred_at": "2018-01-01", "known_at": "2019-01-01T05:00Z"}, {"known_at": LATER}),
        ({"type": "order", "value_minor": "0"}, {"value_minor": 0}),
        ({"value_minor": "9007199254740993"}, {"value_minor": 2**53 + 1}),
        ({"value_minor": "12.0"}, {"value_minor": 12}),
        ({"quantity": None}, {"quantity": None}),
        ({"channel": "store"}, {"channel": "store"}),
        ({"category": "ser żółty"}, {"category": "ser żółty"}),
        ({"action_id": "a1", "message_id": "m1"}, {"action_id": "a1", "message_id": "m1"}),
    ],
)  # fmt: skip
def test_what_fits_the_contract_is_kept_as_it_came(row, expected, tmp_path):
    event = one(tmp_path, row)
    assert {name: event[name] for name in expected} == expected


def test_the_quarantine_holds_the_row_as_it_came(tmp_path):
    one(tmp_path, {"occurred_at": "yesterday", "value_minor": "12"})
    (row,) = refused(tmp_path)
    assert (row["source"], row["event_id"], row["customer_id"]) == ("shop", "1", "a")
    came = json.loads(row["row"])
    assert (came["raw_occurred_at"], came["raw_value_minor"]) == ("yesterday", "12")


def test_guests_are_those_that_the_business_names(tmp_path):
    guest = {"customer_id": "GUEST"}
    assert one(tmp_path, guest)["customer_id"] == "GUEST"
    assert one(tmp_path, guest, guest_ids=("GUEST", "")).endswith("not one customer's")


def test_properties_become_json_and_money_columns(tmp_path):
    event = one(
        tmp_path,
        {"discount_minor": "250", "colour": 'sea "green"'},
        properties={"discount_minor": "discount_minor::BIGINT", "colour": "colour"},
    )
    assert json.loads(event["properties"]) == {"discount_minor": 250, "colour": 'sea "green"'}
    assert (event["discount_minor"], event["coupon_minor"]) == (250, None)


def test_without_arrival_times_an_event_is_known_after_the_lag(tmp_path):
    event = one(tmp_path, {}, arrival_lag=dt.timedelta(hours=36))
    assert event["known_at"] - event["occurred_at"] == dt.timedelta(hours=36)
    assert one(tmp_path, {})["known_at"] == event["occurred_at"]


def test_a_stated_arrival_time_comes_before_the_lag(tmp_path):
    row = {"known_at": "2017-05-01 10:00:01"}
    event = one(tmp_path, row, arrival_lag=dt.timedelta(hours=36))
    assert event["known_at"] - event["occurred_at"] == dt.timedelta(seconds=1)


@pytest.mark.parametrize("zone_name", ["Europe/Warsaw", "America/New_York"])
@pytest.mark.parametrize("as_text", [True, False])
def test_naive_times_are_on_the_wall_clock_also_where_it_jumps(zone_name, as_text, tmp_path):
    """Every quarter of an hour around both changes of 2017: the lost hour and the double one."""
    days = ["2017-03-12", "2017-03-26", "2017-10-29", "2017-11-05"]
    wall = [
        dt.datetime.fromisoformat(day) + n * dt.timedelta(minutes=15) for day in days
        for n in range(24)
    ]  # fmt: skip
    times = pa.array([str(w) for w in wall]) if as_text else pa.array(wall, pa.timestamp("us"))
    ids = [f"e{i}" for i in range(len(wall))]
    table = {"event_id": ids, "customer_id": ids, "occurred_at": times,
             "type": ["session"] * len(wall)}  # fmt: skip
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    load(tmp_path, source("rows.parquet", time_zone=zone_name))
    came = {e["event_id"]: e["occurred_at"] for e in kept(tmp_path)}
    expected = [w.replace(tzinfo=ZoneInfo(zone_name), fold=0).astimezone(dt.UTC) for w in wall]
    assert [came[i] for i in ids] == expected


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2017-07-01T10:00:00Z", "2017-07-01T10:00:00"),
        ("2017-07-01 10:00:00 UTC", "2017-07-01T10:00:00"),
        (" 2017-07-01T10:00:00Z ", "2017-07-01T10:00:00"),
        ("2017-07-01T10:00:00+02:00", "2017-07-01T08:00:00"),
        ("2017-07-01 10:00:00-05", "2017-07-01T15:00:00"),
        ("2017-07-01T10:00:00.25+0530", "2017-07-01T04:30:00.250000"),
        ("2017-07-01 10:00:00", "2017-07-01T08:00:00"),  # naive: on the wall in Warsaw
        ("2017-07-01", "2017-06-30T22:00:00"),
    ],
)
def test_a_time_with_an_offset_carries_its_own(text, utc, tmp_path):
    event = one(tmp_path, {"occurred_at": text}, time_zone="Europe/Warsaw")
    assert event["occurred_at"].replace(tzinfo=None).isoformat() == utc


def test_a_column_of_instants_needs_no_zone(tmp_path):
    instant = pa.scalar(to_us(NOW), pa.timestamp("us", "America/New_York"))
    event = one(tmp_path, {"occurred_at": instant}, time_zone="Europe/Warsaw")
    assert event["occurred_at"] == NOW


# --- nothing is lost --------------------------------------------------------------------------

DIRTY = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(("1", "2", "3", "", None)),
        "customer_id": st.sampled_from(("a", "b", "0", None)),
        "occurred_at": st.sampled_from(
            ("2017-05-01 10:00:00", "2017-05-01T12:00Z", "2020-01-01", "x", None)
        ),
        "known_at": st.sampled_from(("2017-05-01 11:00:00", "2017-06-01", "x", None)),
        "type": st.sampled_from(("order", "session", "sale", None)),
        "value_minor": st.sampled_from(("5", "7", "-5", "5.5", "x", None)),
        "quantity": st.sampled_from(("1", "-1", "x", None)),
        "channel": st.sampled_from(("web", "moon", None)),
        "action_id": st.sampled_from(("a1", "a2", None)),
    }
)
EXTRA = ("known_at", "value_minor", "quantity", "channel", "action_id")


def write_text(rows, path):
    names = (*COLUMNS, *EXTRA)
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
    pq.write_table(pa.table(columns), path)


@settings(max_examples=25)
@given(rows=st.lists(DIRTY, max_size=30))
def test_each_row_is_kept_or_repeated_or_quarantined(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dirty")
    write_text(rows, folder / "rows.parquet")
    (counts,) = load(folder, source("rows.parquet", columns=EXTRA))
    assert counts.read == len(rows)
    assert counts.kept == len(kept(folder)) == len({e["event_id"] for e in kept(folder)})
    assert counts.quarantined == len(refused(folder)) == sum(counts.reasons.values())
    assert counts.kept + counts.repeated + counts.quarantined == len(rows)


@settings(max_examples=10)
@given(rows=st.lists(DIRTY, min_size=1, max_size=15), random=st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_files_given_twice_change_a_byte(
    rows, random, tmp_path_factory
):
    shuffled = random.sample(rows, len(rows))
    digests = set()
    for files in ({"1": rows}, {"1": shuffled}, {"1": rows, "2": shuffled}):
        folder = tmp_path_factory.mktemp("same")
        for name, content in files.items():
            write_text(content, folder / f"{name}.parquet")
        load(folder, source("*.parquet", columns=EXTRA))
        digests.add(EventStore(folder / "store").manifest.digest)
    assert len(digests) == 1


def test_of_repeats_the_one_known_first_is_kept(tmp_path):
    rows = [
        ROWS[0] | {"known_at": "2017-05-03", "category": "late"},
        ROWS[0] | {"known_at": "2017-05-02", "category": "early"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (counts,) = load(tmp_path, source("rows.parquet", columns=("known_at", "category")))
    assert (counts.kept, counts.repeated) == (1, 1)
    assert kept(tmp_path)[0]["category"] == "early"


@pytest.mark.parametrize("name", ["action_id", "message_id", "channel", "category", "quantity"])
def test_repeats_that_differ_in_one_column_are_settled_alike_in_any_order(name, tmp_path):
    values = ("web", "sms") if name == "channel" else ("1", "2")
    rows = [ROWS[0] | {name: value} for value in values]
    chosen = []
    for given_rows in (rows, rows[::-1]):
        pq.write_table(pa.Table.from_pylist(given_rows), tmp_path / "rows.parquet")
        load(tmp_path, source("rows.parquet", columns=(name,)))
        chosen.append(kept(tmp_path))
    assert chosen[0] == chosen[1]


def test_many_rows_in_any_order_give_the_same_bytes(tmp_path):
    events = [event(f"c{i % 977}", i % 300 + i / 1e5, value=i) for i in range(30_000)]
    for event_id, row in enumerate(events):
        row["event_id"] = f"e{event_id}"
    digests = set()
    for name, rows in (("there", events), ("back", events[::-1])):
        (tmp_path / name).mkdir()
        digests.add(store_of(rows, tmp_path / name).manifest.digest)
    assert len(digests) == 1


def test_counts_that_do_not_reconcile_cannot_be_built():
    with pytest.raises(ValueError, match=r"read must equal kept \+ repeated \+ quarantined, got: "):
        Counts(source="shop", read=3, kept=1, repeated=0, quarantined=1, reasons={"x": 1})


# --- sources that cannot be read --------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"files": "none.csv"}, r"a source's file must exist, got: 'none.csv' \(looked at /"),
        (
            {"files": "package:no_such_package/rows.csv"},
            r"needs the package installed, got: 'package:no_such_package/rows.csv' \(no package",
        ),
        ({"files": "package:pytest/none.csv"}, r"must exist, got: 'package:pytest/none.csv'"),
        ({"files": "rows.xlsx"}, r"must end in one of \['.parquet', .*\], got: '.*rows.xlsx'"),
        ({"query": "SELEKT 1"}, r"source 'shop' cannot be read: .*syntax error"),
        ({"query": "SELECT nothing FROM rows"}, r"source 'shop' cannot be read: .*nothing"),
        ({"columns": ("value_minor",)}, r"source 'shop' cannot be read: .*value_minor"),
    ],
)
def test_a_source_that_cannot_be_read_says_why(wrong, message, tmp_path):
    write_csv(tmp_path / "rows.csv", ROWS)
    (tmp_path / "rows.xlsx").write_text("not a table")
    with pytest.raises(SourceError, match=message):
        load(tmp_path, source(**wrong))


def test_a_damaged_file_says_why(tmp_path):
    (tmp_path / "rows.parquet").write_text("not Parquet")
    with pytest.raises(SourceError, match=r"source 'shop' cannot be read: .*rows.parquet"):
        load(tmp_path, source("rows.parquet"))


def test_no_source_at_all_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"at least one source must be declared, got: none"):
        load(tmp_path)


def test_a_source_that_fails_leaves_the_store_as_it_was(tmp_path):
    before = store_of([event("a", 1)], tmp_path).manifest
    with pytest.raises(SourceError, match="must exist"):
        load(tmp_path, SOURCE, source("none.csv"))
    assert EventStore(tmp_path / "store").manifest == before


def test_progress_names_each_source_and_what_follows(tmp_path):
    write([event("a", 1)], tmp_path / "made.parquet")
    told: list[str] = []
    ingest([SOURCE], base=tmp_path, now=NOW, store=tmp_path / "store", progress=told.append)
    assert told == ["made", "repeats, 1 of 1", "sort and write, 1 of 1"]


# --- configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"files": {"my file": "x.csv"}}, r"must be a plain identifier, got: 'my file'"),
        ({"files": {"a": "a.csv", "b": "b.csv"}}, r"query must say how .* got: no query and files"),
        ({"files": {}}, "at least 1 item"),
        ({"columns": {"event_id": "id"}}, r"missing: \['customer_id', 'occurred_at', 'type'\]"),
        ({"columns": dict.fromkeys((*COLUMNS, "colour"), "x")}, r"got: \['colour'\]; the contract"),
        ({"time_zone": "Europe/Warschau"}, r"got: 'Europe/Warschau'"),
        ({"arrival_lag": dt.timedelta(-1)}, r"arrival_lag must not be negative, got: -1 day"),
        ({"name": "My Shop"}, "should match pattern"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_source_that_is_wrong_cannot_be_built(wrong, message):
    right = {"name": "shop", "files": {"rows": "rows.csv"}, "columns": {c: c for c in COLUMNS}}
    with pytest.raises(ValueError, match=message):
        Source(**right | wrong)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(["007", "7"], id="leading zeros"),
        pytest.param(["98765432109876543210", "98765432109876543211"], id="very many digits"),
        pytest.param(["12", "13"], id="plain numbers"),
        pytest.param(["1"] * 25_000 + ["anna"], id="a text after many numbers"),
    ],
)
def test_ids_in_csv_stay_as_they_are_written(ids, tmp_path):
    lines = [f"e{i},{who},2017-01-05T10:00:00Z,1250" for i, who in enumerate(ids)]
    (tmp_path / "orders.csv").write_text("\n".join(["id,customer,at_time,cents", *lines]))
    source = Source(
        name="orders",
        files={"orders": "orders.csv"},
        columns={
            "event_id": "id",
            "customer_id": "customer",
            "occurred_at": "at_time",
            "type": "'order'",
            "value_minor": "cents * 1",
        },
    )
    load(tmp_path, source)
    assert EventStore(tmp_path / "store").customer_ids == tuple(sorted(set(ids)))
