"""A Postgres database as a warehouse."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import psycopg

from penstock.catalog.warehouses.port import QueryLimits, Site, Step, WarehouseError, WarehouseUnreachable
from penstock.catalog.warehouses.postgres.connection import PostgresSettings, connect
from penstock.catalog.warehouses.postgres.engine import PostgresEngine
from penstock.catalog.warehouses.sql import SqlWarehouse
from penstock.catalog.warehouses.sql.answering import STATEMENT_LIMIT, answer, refusal
from penstock.spec.calls import QueryResult


class PostgresWarehouse(SqlWarehouse):
    """One session; queries have one of their own."""

    def __init__(self, database: "PostgresDatabase", connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        super().__init__(PostgresEngine(connection), database.site.warehouse_id)
        self._database = database
        self._connection = connection

    def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        if len(statement) > STATEMENT_LIMIT:
            return refusal(f"a statement may have {STATEMENT_LIMIT} characters")
        try:
            with connect(self._database.settings, self._database.site.policy) as connection:
                connection.execute(f"SET statement_timeout = {round(limits.seconds * 1000)}".encode())
                connection.execute("BEGIN READ ONLY")
                # A cursor on the server takes one statement that reads; what is not fetched never travels.
                with psycopg.ServerCursor(connection, "penstock_query") as cursor:
                    cursor.execute(statement.encode())
                    described = cursor.description or []
                    names, types = [column.name for column in described], [column.type_display for column in described]
                    return answer(names, types, cursor.fetchmany, limits.rows)
        except (psycopg.Error, WarehouseError) as error:
            return refusal(str(error))

    def close(self) -> None:
        self._connection.close()


class PostgresDatabase:
    """A database that settings name."""

    is_local = False

    def __init__(self, settings: PostgresSettings, site: Site) -> None:
        self.name = settings.name
        self.settings = settings
        self.site = site

    def exists(self) -> bool:
        return True

    def open(self) -> PostgresWarehouse:
        return PostgresWarehouse(self, connect(self.settings, self.site.policy))

    def rewrite(self) -> None:
        """Postgres uses the place of deleted rows again once its own vacuum has passed."""

    def check(self) -> None:
        connection = connect(self.settings, self.site.policy)
        try:
            connection.execute("BEGIN")
            connection.execute("CREATE SCHEMA IF NOT EXISTS penstock_meta")
            connection.execute("CREATE TABLE penstock_meta.penstock_check (id bigint)")
            connection.execute("ROLLBACK")
        except psycopg.Error as error:
            raise WarehouseUnreachable(Step.PERMISSION, str(error).strip()) from error
        finally:
            connection.close()


class PostgresDriver:
    """Settings as the catalog names them."""

    def place(self, settings: Mapping[str, Any], site: Site) -> PostgresDatabase:
        return PostgresDatabase(PostgresSettings.of(settings), site)

    def left(self, _site: Site, _but: AbstractSet[str]) -> Iterator[PostgresDatabase]:
        """Nothing of it is in the directory."""
        return iter(())


driver = PostgresDriver()
