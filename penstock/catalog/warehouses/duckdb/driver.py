"""The embedded warehouse: files in the data directory, which the warehousing role alone opens."""

import contextlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import duckdb

from penstock.catalog.warehouses.duckdb.connection import connect
from penstock.catalog.warehouses.duckdb.engine import DuckDBEngine
from penstock.catalog.warehouses.duckdb.query import run_query
from penstock.catalog.warehouses.duckdb.rewriting import rewrite
from penstock.catalog.warehouses.files import embedded_file
from penstock.catalog.warehouses.port import (
    QueryLimits,
    Site,
    Step,
    WarehouseError,
    WarehouseLocked,
    WarehouseUnreachable,
)
from penstock.catalog.warehouses.sql import SqlWarehouse
from penstock.spec.calls import QueryResult


class DuckDBWarehouse(SqlWarehouse):
    """One open file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, warehouse_id: str) -> None:
        super().__init__(DuckDBEngine(connection), warehouse_id)
        self._connection = connection

    def query(self, statement: str, limits: QueryLimits) -> QueryResult:
        cursor = self._connection.cursor()
        try:
            return run_query(cursor, statement, limits)
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()


class DuckDBFile:
    """A file that may not be there yet. Who has loaded into it owns it: the data of a warehouse that was deleted stays,
    and is not the next one's, which may be of another workspace.
    """

    is_local = True

    def __init__(self, file: Path, site: Site) -> None:
        self.name = str(file)
        self._file = file
        self._site = site

    def exists(self) -> bool:
        return self._file.exists()

    def open(self) -> DuckDBWarehouse:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(self._file, self._site.megabytes)
        try:
            self._require_own(connection)
        except BaseException:
            connection.close()
            raise
        return DuckDBWarehouse(connection, self._site.warehouse_id)

    def _require_own(self, connection: duckdb.DuckDBPyConnection) -> None:
        owners = owners_of(connection)
        if owners and self._site.warehouse_id not in owners:
            reason = (
                f"the file {self._file.name} holds what another warehouse has loaded, which was deleted or is another "
                "installation's: name another one in `settings.file`, or move it away"
            )
            raise WarehouseUnreachable(Step.SETTINGS, reason)

    def rewrite(self) -> None:
        if self._file.exists():
            rewrite(self._file, self._site.megabytes)

    def check(self) -> None:
        """A file that this process holds open, or that is not there yet, is as good as can be."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseUnreachable(Step.PERMISSION, str(error)) from error
        if self._file.exists():
            with contextlib.suppress(WarehouseLocked):
                self.open().close()


def owners_of(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Ids of the warehouses that have loaded into a file; a release that knew one warehouse told none."""
    told = connection.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_catalog = current_database() AND "
        "table_schema = 'penstock_meta' AND table_name = 'positions' AND column_name = 'warehouse_id'"
    ).fetchall()
    if not told:
        return set()
    found = connection.execute("SELECT DISTINCT warehouse_id FROM penstock_meta.positions").fetchall()
    return {owner for (owner,) in found if owner is not None}


def _owners_in(file: Path, megabytes: int) -> set[str]:
    with contextlib.closing(connect(file, megabytes)) as connection:
        return owners_of(connection)


class DuckDBDriver:
    """The setting `file` names another file than the default one."""

    def place(self, settings: Mapping[str, Any], site: Site) -> DuckDBFile:
        try:
            name = embedded_file(settings)
        except ValueError as error:
            raise WarehouseError(str(error)) from error
        return DuckDBFile(Path(site.directory) / name, site)

    def left(self, site: Site, but: AbstractSet[str]) -> Iterator[DuckDBFile]:
        """Whatever the files are called: somebody may have moved them within the folder."""
        unread: list[str] = []
        for file in sorted(Path(site.directory).glob("*.duckdb")):
            if str(file) in but:
                continue
            try:
                owners = _owners_in(file, site.megabytes)
            except (WarehouseError, duckdb.Error):
                # Who removes it while it is looked at has removed it.
                unread += [file.name] if file.exists() else []
            else:
                if site.warehouse_id in owners:
                    yield DuckDBFile(file, site)
        if unread:
            message = f"it cannot be told whose these files are, for they cannot be opened: {', '.join(unread)}"
            raise WarehouseError(message)


driver = DuckDBDriver()
