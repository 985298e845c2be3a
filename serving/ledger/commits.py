"""Writes of many requests, committed together: under load one fsync is enough for all who wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction

from serving.stages import stage

Result = TypeVar("Result")
_KEPT_S = 1.0
"""A connection that lay unused for longer may have been closed from the other side."""

Work = Callable[[Connection], Result]
"""Writes within a transaction that somebody else begins and commits."""


@dataclass(frozen=True, slots=True)
class Committed:
    """One transaction: whose writes, and how long all of it and its COMMIT alone took."""

    writes: int
    seconds: float
    commit_seconds: float


@dataclass
class _Pending:
    """A write that waits for its turn; once `done`, it has a result or an error."""

    work: Work[Any]
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class Commits:
    """Runs writes of many threads, those that wait at the same time in one transaction.

    Each is durable, or undone, when its call returns. One that fails undoes nothing of the others.
    On SQLite, whose writers take turns anyway, this also spares them the polling for their turn.
    """

    def __init__(self, engine: Engine, after: Callable[[], None] = lambda: None) -> None:
        """Write by connections of `engine`; `after` is called after each transaction."""
        self._engine = engine
        self._after = after
        self._kept: Connection | None = None
        self._used_at = 0.0
        self._waiting: list[_Pending] = []
        self._list = Lock()
        self._turn = Lock()
        self._told: Callable[[Committed], None] | None = None

    def tell(self, listener: Callable[[Committed], None]) -> None:
        """Tell `listener` of each transaction from now on."""
        self._told = listener

    def close(self) -> None:
        """Give up the connection that is kept; the next write takes another."""
        with self._turn:
            self._let_go()

    def __call__(self, work: Work[Result]) -> Result:
        """What `work` returns, once what it wrote is committed.

        Raises:
            Exception: What `work` or its commit raised; then nothing of it is written.
        """
        mine = _Pending(work)
        with self._list:
            self._waiting.append(mine)
        with self._turn:
            # Whoever had the turn before may have committed this one, too.
            if not mine.done:
                with self._list:
                    together, self._waiting = self._waiting, []
                self._commit(together)
        if mine.error is not None:
            raise mine.error
        result: Result = mine.result
        return result

    def _commit(self, together: list[_Pending]) -> None:
        started = perf_counter()
        try:
            connection = self._connection(started)
            with connection.begin() as transaction:
                for one in together:
                    self._run(connection, one, alone=len(together) == 1)
                written = perf_counter()
                _end(transaction)
            self._used_at = ended = perf_counter()
            self._after()
            if self._told is not None:
                self._told(Committed(len(together), ended - started, ended - written))
        except BaseException as error:
            for one in together:
                one.error = one.error or error
            self._let_go()
            if not isinstance(error, Exception):
                raise
        finally:
            for one in together:
                one.done = True

    def _connection(self, now_s: float) -> Connection:
        """The connection used just now, or one that the pool has looked at.

        Only who has the turn asks for it.
        """
        if self._kept is None or now_s - self._used_at > _KEPT_S:
            self._let_go()
            self._kept = self._engine.connect()
        return self._kept

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @staticmethod
    def _run(connection: Connection, one: _Pending, *, alone: bool) -> None:
        if alone:
            one.result = one.work(connection)
            return
        try:
            with connection.begin_nested():
                one.result = one.work(connection)
        except Exception as error:
            one.error = error


@stage("commit")
def _end(transaction: RootTransaction) -> None:
    try:
        transaction.commit()
    except BaseException:
        transaction.rollback()  # a COMMIT that failed leaves the connection within the transaction
        raise
