"""SQLite for readers, where they are called: one row or one page takes less time than a thread's turn.

The other driver hands every call to the connection's thread and waits for it, a dozen times per request. Here the plain
driver runs under the same methods, and a connection that is given back is kept as it is. Readers never wait for a
writer (WAL), so only a select of many rows holds others up; `Database.reading(is_long=True)` is for those.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

_PLACES = 16
_WAIT_SECONDS = 30
R = TypeVar("R")


class _Cursor(sqlite3.Cursor):
    """Has read everything at once, so that no statement outlives its transaction."""

    _rows: Iterator[Any]

    def execute(self, statement: str, parameters: Any = (), /) -> Self:
        super().execute(statement, parameters)
        self._rows = iter(super().fetchall())
        return self

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchone(self) -> Any:
        return next(self._rows, None)


class ReadingConnection(sqlite3.Connection):
    """What SQLAlchemy is given as the driver's."""

    def cursor(self, *_: Any) -> _Cursor:  # type: ignore[override]
        return _Cursor(self)


class InlineConnection(AsyncConnection):
    """One request's turn with a connection; what its methods await has happened already."""

    __slots__ = ("_readers",)

    def __init__(self, readers: "InlineEngine") -> None:
        self._readers = readers
        self.sync_engine = readers.sync_engine
        self.sync_connection = None

    async def __aenter__(self) -> Self:
        self.sync_connection = await self._readers.take()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def execute(
        self, statement: Executable, parameters: Any = None, *, execution_options: Any = None
    ) -> CursorResult[Any]:
        return self._proxied.execute(statement, parameters, execution_options=execution_options)

    async def exec_driver_sql(
        self, statement: str, parameters: Any = None, execution_options: Any = None
    ) -> CursorResult[Any]:
        return self._proxied.exec_driver_sql(statement, parameters, execution_options)

    async def run_sync(self, fn: Callable[..., R], *arguments: Any, **named: Any) -> R:
        return fn(self._proxied, *arguments, **named)

    async def close(self) -> None:
        if (connection := self.sync_connection) is not None:
            self.sync_connection = None
            self._readers.give_back(connection)


def reading_engine(url: URL, **options: Any) -> Engine:
    driver = {"factory": ReadingConnection, "isolation_level": None, "check_same_thread": False}
    return create_engine(url, poolclass=NullPool, connect_args=driver, **options)


class InlineEngine:
    """The connections of all readers, a bounded number."""

    def __init__(self, engine: Engine) -> None:
        self.sync_engine = engine
        self._places = asyncio.Semaphore(_PLACES)
        self._idle: list[Connection] = []
        self._is_open = True

    def connect(self) -> InlineConnection:
        return InlineConnection(self)

    async def take(self) -> Connection:
        """Raises NoConnectionFree where none is given back for long."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        try:
            return self._idle.pop() if self._idle else self.sync_engine.connect()
        except BaseException:
            self._places.release()
            raise

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError as error:
            raise NoConnectionFree("no connection of a reader has become free") from error

    def give_back(self, connection: Connection) -> None:
        """At the end of its transaction."""
        try:
            connection.rollback()
            if self._is_open and not connection.invalidated:
                self._idle.append(connection)
            else:
                connection.close()
        finally:
            self._places.release()

    async def dispose(self) -> None:
        self._is_open = False
        while self._idle:
            self._idle.pop().close()
        self.sync_engine.dispose()


class StateOfFile:
    """What a SQLite file holds, as a number that rises with every commit of any process; asked on a connection of its
    own, in some microseconds.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._cursor: sqlite3.Cursor | None = None

    def now(self) -> object:
        """None where the file does not tell."""
        try:
            if self._cursor is None:
                self._cursor = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False).cursor()
            return self._cursor.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.connection.close()
            self._cursor = None
