"""What differs between SQLite and Postgres: their drivers, how a transaction begins, and how writers wait in line.

Both give the same promise: a reader sees one state, and the writers of all processes come one after another. So a
handler may read, decide and write without losing what another changes, and the outbox is numbered in the order of the
commits. SQLite has one writer by nature; on Postgres writers take one advisory lock of their schema.

Errors:
    DatabaseRefused    the setting names no database that is known here
"""

from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, Engine, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from penstock.infra.db.inline import InlineEngine, ReadingConnection, StateOfFile, reading_engine

_READING = "penstock_reading"
# What is deleted is overwritten, whatever the library of this machine does by itself: rows may hold ids of people.
_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "secure_delete=ON",
)
_READER_PRAGMAS = ("query_only=ON", "busy_timeout=5000")
_POSTGRES = "postgresql+psycopg"
# A process that stops inside a transaction is cut off, so that the others wait for it at most so long.
_WAIT_IN_LINE = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '30s', true), set_config('lock_timeout', '40s', true),"
    " pg_advisory_xact_lock(1885691491, hashtext(current_schema()))"
)


DatabaseURL: TypeAlias = URL
"""For those who open engines without speaking to SQLAlchemy."""


class DatabaseRefused(Exception):  # noqa: N818 - the consequence is in the name
    """The URL of the database cannot be used."""


def asynchronous_url(url: str) -> URL:
    """With the driver that the control plane uses. Raises DatabaseRefused."""
    parsed = synchronous_url(url)
    return parsed if is_postgres(parsed) else parsed.set(drivername="sqlite+aiosqlite")


def synchronous_url(url: str) -> URL:
    """With the driver that migrations use. Raises DatabaseRefused."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseRefused("the URL of the database cannot be read: postgresql://USER:PASSWORD@HOST/NAME") from error
    match parsed.drivername.partition("+")[0]:
        case "sqlite":
            return parsed.set(drivername="sqlite")
        case "postgres" | "postgresql":
            return parsed.set(drivername=_POSTGRES)
        case other:
            raise DatabaseRefused(f"the control database is SQLite or Postgres, not {other}")


def is_postgres(url: URL) -> bool:
    return url.drivername == _POSTGRES


class Engines(msgspec.Struct, frozen=True):
    """One for writers, one for readers, one for those who read much."""

    writing: AsyncEngine
    reading: AsyncEngine | InlineEngine
    reading_much: AsyncEngine
    state: StateOfFile | None = None

    async def close(self) -> None:
        for engine in (self.writing, self.reading):
            await engine.dispose()
        if self.state is not None:
            self.state.close()


def open_engines(url: URL) -> Engines:
    # An error is logged with its statement; its parameters may be keys and settings.
    common: dict[str, Any] = {"pool_size": 8, "max_overflow": 8, "hide_parameters": True}
    if is_postgres(url):
        engine = create_async_engine(url, pool_pre_ping=True, **common)
        _prepare_postgres(engine)
        readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return Engines(engine, readers, readers)
    engine = create_async_engine(url, **common)
    _prepare_sqlite(engine.sync_engine, _WRITER_PRAGMAS)
    inline = reading_engine(url.set(drivername="sqlite"), hide_parameters=True)
    _prepare_sqlite(inline, _READER_PRAGMAS)
    state = StateOfFile(url.database or "")
    return Engines(engine, InlineEngine(inline), engine.execution_options(**{_READING: True}), state)


def wait_in_line(connection: Connection) -> None:
    """Be alone among the writers until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_WAIT_IN_LINE)


def _prepare_postgres(engine: AsyncEngine) -> None:
    from psycopg.types.string import StrDumperUnknown

    class Text(StrDumperUnknown):
        """Names of events may hold NUL, which Postgres cannot: there the character for what is unreadable stands."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\ufffd"))

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.driver_connection.adapters.register_dumper(str, Text)

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave_out_values(context: ExceptionContext) -> None:
        """The details of an error quote what was to be stored: keys, names, settings."""
        found = context.original_exception
        if (told := getattr(getattr(found, "diag", None), "message_primary", None)) is not None:
            found.args = (told,)
            if context.sqlalchemy_exception is not None:
                context.sqlalchemy_exception.args = (told,)


def _prepare_sqlite(engine: Engine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        # The driver of writers would begin transactions by itself and late; `begin` below does it instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if isinstance(driver := connection.connection.driver_connection, ReadingConnection):
            driver.execute("BEGIN")
        else:
            is_reading = _READING in connection.get_execution_options()
            connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
