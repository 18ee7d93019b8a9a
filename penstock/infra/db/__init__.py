"""The control plane's database: connections and transactions. Tables stand in the slices and register in `metadata`.

SQLite (WAL, `BEGIN IMMEDIATE` for writers) by default; nothing here or above may need it. A transaction that writes is
opened by `writing()`, commits at its end, and is alone among the writers of this process: SQLite has one writer, and
waiting in line here is fair where its own retries are not.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_READING = "penstock_reading"


def sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


class Database:
    """An open database."""

    def __init__(self, url: str) -> None:
        self.url = url
        # An error is logged with its statement; its parameters may be keys and settings.
        self._engine: AsyncEngine = create_async_engine(url, pool_size=8, max_overflow=8, hide_parameters=True)
        self._writer = asyncio.Lock()
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose selects see one state of the database; it never waits for a writer."""
        async with self._engine.connect() as connection:
            await connection.execution_options(**{_READING: True})
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed where the block ends well, rolled back where it raises."""
        async with self._writer, self._engine.connect() as connection, connection.begin():
            yield connection


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        # The driver would begin transactions by itself and late; `begin` below does it instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        is_reading = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
