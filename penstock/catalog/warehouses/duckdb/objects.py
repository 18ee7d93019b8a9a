"""`users` and `accounts`: one row per id, each column by the latest `received_at`, then log order (warehouses.md §9).

A call counts only where its own row in `identifies` or `groups` is new, so a repeated load changes nothing. Calls that
are not older than the row override it column by column. For the rare call that is older the columns that it names are
decided anew from all calls of that object, which are in the target: the row alone does not know how old each value is.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import ObjectBatch, ObjectCall, TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.duckdb.catalog import TargetTable, read_schema
from penstock.catalog.warehouses.duckdb.connection import quoted, registered
from penstock.catalog.warehouses.duckdb.staging import Staged, Staging
from penstock.catalog.warehouses.values import LogicalType, parse_time

_DECLARED = {"id": LogicalType.VARCHAR, "received_at": LogicalType.TIMESTAMP}
_BATCH = "penstock_batch"
_BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - times in the target are UTC without a zone


class _Merged(msgspec.Struct):
    """What the calls of one load make of the objects of one table."""

    rows: TableBatch
    latest: dict[str, Any]
    late: dict[str, set[str]]
    """Columns named by calls older than the row, by object."""


class ObjectLoading:
    """Brings the object tables of one source up to date."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, schema: str, discards: Discards, loaded_at: datetime
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._discards = discards
        self._loaded_at = loaded_at

    def load(self, batch: ObjectBatch, target: TargetTable | None, repeated: frozenset[str]) -> int:
        """How many objects were written. `repeated` are message ids whose call is in the target already."""
        calls = [call for call in batch.calls if call.message_id not in repeated]
        if not calls:
            return 0
        if target is not None and target.is_view:
            self._discards.add(batch.name, "", calls[0].id, f"{len(calls)} calls", DiscardKind.NOT_A_TABLE)
            return 0
        merged = self._merge(batch.name, calls, self._ages(batch.name, target, {call.id for call in calls}))
        if merged.rows.ids:
            staged = Staging(self._connection, self._schema, self._discards).stage(
                merged.rows, target, frozenset(), merged.latest
            )
            self._write(batch.name, staged)
        if merged.late:
            self._decide_anew(batch, merged.late)
        return len(merged.rows.ids) + len(merged.late.keys() - set(merged.rows.ids))

    def _ages(self, name: str, target: TargetTable | None, ids: Iterable[str]) -> dict[str, datetime]:
        """`received_at` of the objects that have a row."""
        if target is None or not {"id", "received_at"} <= target.columns.keys():
            return {}
        with registered(self._connection, _BATCH, pa.table({"id": pa.array(list(ids), pa.string())})):
            found = self._connection.execute(
                f"SELECT t.id, TRY_CAST(t.received_at AS TIMESTAMP) FROM {self._place(name)} t SEMI JOIN {_BATCH} b "
                "ON t.id = b.id"
            ).fetchall()
        return {object_id: age or _BEGINNING for object_id, age in found}

    def _merge(self, name: str, calls: list[ObjectCall], ages: dict[str, datetime]) -> _Merged:
        merged = _Merged(TableBatch(name, _DECLARED), {}, {})
        fresh: dict[str, list[tuple[datetime, ObjectCall]]] = {}
        for call in calls:
            moment = parse_time(call.received_at) or _BEGINNING
            if moment < ages.get(call.id, _BEGINNING):
                merged.late.setdefault(call.id, set()).update(call.values)
                continue
            merged.latest.update(call.values)
            fresh.setdefault(call.id, []).append((moment, call))
        for object_id, known in fresh.items():
            # Sorting keeps the order of the log among calls of one moment.
            known.sort(key=lambda pair: pair[0])
            values: dict[str, Any] = {}
            for _, call in known:
                values.update(call.values)
            row = {**values, "id": object_id, "received_at": known[-1][1].received_at}
            merged.rows.add(object_id, row, self._discards)
        return merged

    def _write(self, name: str, staged: Staged) -> None:
        place = self._place(name)
        columns = [(quoted(column.name), staged.expression(column)) for column in staged.targets]
        changes = ", ".join(
            f"{column} = COALESCE({value}, t.{column})" for column, value in columns if column != '"id"'
        )
        names = ", ".join(column for column, _ in columns)
        values = ", ".join(value for _, value in columns)
        with registered(self._connection, _BATCH, staged.table):
            self._connection.execute(
                f"UPDATE {place} t SET {changes}, uuid_ts = ?::TIMESTAMP FROM {_BATCH} b WHERE t.id = b.id",
                [self._loaded_at],
            )
            self._connection.execute(
                f"INSERT INTO {place} ({names}, uuid_ts) SELECT {values}, ?::TIMESTAMP FROM {_BATCH} b "
                f"ANTI JOIN {place} t ON t.id = b.id",
                [self._loaded_at],
            )

    def _decide_anew(self, batch: ObjectBatch, late: dict[str, set[str]]) -> None:
        tables = read_schema(self._connection, self._schema)
        calls, objects = tables[batch.calls_table].columns, tables[batch.name].columns
        named = set[str]().union(*late.values())
        for name in sorted(named & calls.keys() - objects.keys()):
            self._connection.execute(
                f"ALTER TABLE {self._place(batch.name)} ADD COLUMN {quoted(name)} {calls[name].physical}"
            )
        columns = sorted(named & calls.keys())
        if not columns:
            return
        found = ", ".join(
            f"arg_max({quoted(name)}, {{'at': received_at, 'row': rowid}}) AS {quoted(name)}" for name in columns
        )
        changes = ", ".join(
            f"{column} = COALESCE(TRY_CAST(l.{column} AS {_type_of(objects, calls, name)}), t.{column})"
            for name, column in ((name, quoted(name)) for name in columns)
        )
        with registered(self._connection, _BATCH, pa.table({"id": pa.array(list(late), pa.string())})):
            self._connection.execute(
                f"UPDATE {self._place(batch.name)} t SET {changes}, uuid_ts = ?::TIMESTAMP FROM "
                f"(SELECT c.{quoted(batch.key)} AS id, {found} FROM {self._place(batch.calls_table)} c "
                f"SEMI JOIN {_BATCH} b ON c.{quoted(batch.key)} = b.id GROUP BY 1) l WHERE t.id = l.id",
                [self._loaded_at],
            )

    def _place(self, name: str) -> str:
        return f"{quoted(self._schema)}.{quoted(name)}"


def _type_of(objects: Any, calls: Any, name: str) -> str:
    return str((objects.get(name) or calls[name]).physical)
