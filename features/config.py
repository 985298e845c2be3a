"""How a business's own tables become events, profiles, consents and attributes."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from features.zones import zone

REQUIRED_EVENT_COLUMNS = ("event_id", "customer_id", "occurred_at", "type")
OPTIONAL_EVENT_COLUMNS = (
    "known_at",
    "channel",
    "value_minor",
    "quantity",
    "category",
    "action_id",
    "message_id",
)
PROFILE_COLUMNS = ("customer_id", "language", "time_zone", "email", "phone", "push_token")
CONSENT_COLUMNS = (
    "customer_id",
    "purpose",
    "channel",
    "given",
    "given_at",
    "means",
    "legal_basis",
)


class Table(BaseModel):
    """Files that become views of their own names, and a query over them.

    A path is relative to `bocian.toml`, may hold `*`, and ends in `.parquet`, `.csv` or `.csv.gz`;
    `package:NAME/PATH` lies inside an installed Python package.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: Annotated[dict[str, str], Field(min_length=1)]
    query: str | None = None

    @field_validator("files")
    @classmethod
    def _names_are_plain(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if not name.isidentifier():
                raise ValueError(f"a file's name must be a plain identifier, got: {name!r}")
        return files

    @model_validator(mode="after")
    def _query_or_one_file(self) -> Table:
        if self.query is None and len(self.files) != 1:
            raise ValueError(
                f"query must say how several files are joined, got: no query and files "
                f"{sorted(self.files)}"
            )
        return self

    @property
    def relation(self) -> str:
        """The SQL text to read from."""
        return f"({self.query})" if self.query is not None else f'"{next(iter(self.files))}"'


class Source(Table):
    """One source of events.

    `columns` maps each column of the contract to a SQL expression over the query's columns.
    `properties` maps members of the event's JSON properties to expressions. Naive timestamps are
    read in `time_zone`. Without a `known_at` column an event is known `arrival_lag` after it
    occurred, and not before the load that brought its file, unless that was the first.

    `grows` names the file, among several or under a query, to whose pattern new files come; when
    only such came, only these are read. It promises that no event is made of rows of two files.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    columns: dict[str, str]
    properties: dict[str, str] = {}
    time_zone: str = "UTC"
    arrival_lag: dt.timedelta = dt.timedelta(0)
    guest_ids: tuple[str, ...] = ("", "0")
    grows: str | None = None

    @property
    def growing_view(self) -> str | None:
        """The file that grows: the one that is said to, or the only one where no query is."""
        return self.grows or (None if self.query else next(iter(self.files)))

    @model_validator(mode="after")
    def _a_file_grows(self) -> Source:
        if self.grows is not None and self.grows not in self.files:
            raise ValueError(
                f"grows must be one of the source's files, got: {self.grows!r}; "
                f"its files: {sorted(self.files)}"
            )
        return self

    @field_validator("columns")
    @classmethod
    def _columns_of_the_contract(cls, columns: dict[str, str]) -> dict[str, str]:
        if missing := [c for c in REQUIRED_EVENT_COLUMNS if c not in columns]:
            raise ValueError(f"columns must map {list(REQUIRED_EVENT_COLUMNS)}, missing: {missing}")
        known = (*REQUIRED_EVENT_COLUMNS, *OPTIONAL_EVENT_COLUMNS)
        if strangers := sorted(set(columns) - set(known)):
            raise ValueError(
                f"columns must be of the event contract, got: {strangers}; "
                f"the contract's: {list(known)} (anything else belongs in `properties`)"
            )
        return columns

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        return zone(name).name

    @field_validator("arrival_lag")
    @classmethod
    def _lag_is_not_negative(cls, lag: dt.timedelta) -> dt.timedelta:
        if lag < dt.timedelta(0):
            raise ValueError(f"arrival_lag must not be negative, got: {lag}")
        return lag


class ProtectedTable(Table):
    """Protected attributes: joined for audits, never features. A `customer_id` column is needed;
    `attributes` names the columns that are audited.
    """

    attributes: Annotated[tuple[str, ...], Field(min_length=1)]
