"""The control plane's database: connections and transactions. Tables stand in the slices and register in `metadata`.

SQLite or Postgres; nothing above may need either (`dialects` knows what differs). A transaction that writes is opened
by `writing()`, commits at its end, and is alone among the writers: first among those of this process, where waiting in
line is fair, then among those of all.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, MetaData
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.infra.db.dialects import DatabaseRefused, Engines, asynchronous_url, open_engines, wait_in_line

__all__ = ["DATABASE_DOWN", "Database", "DatabaseRefused", "metadata", "reason_of", "sqlite_url"]
DATABASE_DOWN = (OperationalError, NoConnectionFree)
"""What is raised where the database does not answer or has no room: another try may help."""
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def reason_of(error: Exception) -> str:
    """Why, without the statement."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


class Database:
    """An open database."""

    def __init__(self, url: str, opened: Callable[[URL], Engines] = open_engines) -> None:
        self._engines = opened(asynchronous_url(url))
        self._writer = asyncio.Lock()

    async def close(self) -> None:
        await self._engines.close()

    def state(self) -> object:
        """A value that stays the same while nothing is committed, by whichever process; None where nobody can tell.

        What was read after it was asked for is still true if it is the same later.
        """
        return None if self._engines.state is None else self._engines.state.now()

    @asynccontextmanager
    async def reading(self, *, is_long: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection whose selects see one state of the database; it never waits for a writer.

        `is_long` is for selects that go through many rows: others are answered meanwhile.
        """
        engine = self._engines.reading_much if is_long else self._engines.reading
        async with engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed where the block ends well, rolled back where it raises."""
        async with self._writer, self._engines.writing.connect() as connection, connection.begin():
            await connection.run_sync(wait_in_line)
            yield connection
