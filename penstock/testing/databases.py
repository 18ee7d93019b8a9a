"""What the control databases of tests are made of: see `fixtures`."""

from functools import cache

import msgspec
import psycopg

from penstock.infra.db import metadata
from penstock.infra.db.dialects import DatabaseURL, Engines, open_engines
from penstock.infra.db.inline import InlineEngine
from penstock.infra.migrations import upgrade
from penstock.testing.postgres_server import PostgresServer


class EmptiedPostgres:
    """One migrated database of a session; asked for, it is empty again. Deleting takes 2 ms, a new database 60."""

    def __init__(self, server: PostgresServer) -> None:
        self.name = server.database()
        self.url = server.url(self.name)
        upgrade(self.url)
        self._connection: psycopg.Connection = server.connect(self.name)
        self._is_used = False

    def fresh(self) -> str:
        if self._is_used:
            statements = (f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))  # noqa: S608
            self._connection.execute("; ".join(statements).encode())
        self._is_used = True
        return self.url

    def close(self) -> None:
        self._connection.close()


def kept_engines(url: DatabaseURL) -> Engines:
    """As they are opened anew, but each statement is compiled once for all tests: that was a third of their work."""
    kept = _engines(url)
    if isinstance(kept.reading, InlineEngine):
        return msgspec.structs.replace(kept, reading=InlineEngine(kept.reading.sync_engine))
    return kept


@cache
def _engines(url: DatabaseURL) -> Engines:
    return open_engines(url)
