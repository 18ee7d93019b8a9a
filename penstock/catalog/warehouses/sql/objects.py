"""`users` and `accounts`: one row per id, each column by the latest `received_at`, then log order (warehouses.md §9).

A call counts only where its own row in `identifies` or `groups` is new, so a repeated load changes nothing. Calls that
are not older than the row override it column by column. For the rare call that is older the columns that it names are
decided anew from all calls of that object, which are in the target: the row alone does not know how old each value is.

Of the objects of collections the log alone decides: each call overrides, in the order of the log, the columns that it
names. To load a part of the log again, up to its end, changes nothing.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import ObjectBatch, ObjectCall, TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import TargetColumn, TargetTable, fitting, read_schema
from penstock.catalog.warehouses.sql.staging import Staged, Staging
from penstock.catalog.warehouses.values import LogicalType, parse_time

_DECLARED = {"id": LogicalType.VARCHAR, "received_at": LogicalType.TIMESTAMP}
_BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - times in the target are UTC without a zone


class _Merged(msgspec.Struct):
    """What the calls of one load make of the objects of one table."""

    rows: TableBatch
    latest: dict[str, Any]
    late: dict[str, set[str]]
    """Columns named by calls older than the row, by object."""


class ObjectLoading:
    """Brings the object tables of one source up to date."""

    def __init__(self, engine: Engine, schema: str, discards: Discards, loaded_at: datetime) -> None:
        self._engine = engine
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
        ages = {} if batch.collection else self._ages(batch.name, target, {call.id for call in calls})
        merged = self._merge(batch, calls, ages)
        if merged.rows.ids:
            staged = Staging(self._engine, self._schema, self._discards).stage(
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
        age = "t.received_at"
        if target.columns["received_at"].logical is not LogicalType.TIMESTAMP:
            age = self._engine.try_cast(f"{age}::VARCHAR", self._engine.physical[LogicalType.TIMESTAMP])
        with self._engine.staged(pa.table({"id": pa.array(list(ids), pa.string())})):
            found = self._engine.fetch(
                f"SELECT t.id, {age} FROM {self._place(name)} t WHERE t.id IN (SELECT b.id FROM {BATCH} b)"
            )
        return {object_id: age or _BEGINNING for object_id, age in found}

    def _merge(self, batch: ObjectBatch, calls: list[ObjectCall], ages: dict[str, datetime]) -> _Merged:
        merged = _Merged(TableBatch(batch.name, _DECLARED), {}, {})
        fresh: dict[str, list[tuple[datetime, ObjectCall]]] = {}
        for call in calls:
            moment = parse_time(call.received_at) or _BEGINNING
            if moment < ages.get(call.id, _BEGINNING):
                merged.late.setdefault(call.id, set()).update(call.values)
                continue
            merged.latest.update(call.values)
            fresh.setdefault(call.id, []).append((moment, call))
        for object_id, known in fresh.items():
            if not batch.collection:
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
        columns = [(quoted(column.name), staged.expression(column, self._engine)) for column in staged.targets]
        changes = ", ".join(
            f"{column} = COALESCE({value}, t.{column})" for column, value in columns if column != '"id"'
        )
        is_text = any(column.name == "id" and column.logical is LogicalType.VARCHAR for column in staged.targets)
        is_same = "t.id = b.id" if is_text else "t.id::VARCHAR = b.id::VARCHAR"
        names = ", ".join(column for column, _ in columns)
        values = ", ".join(value for _, value in columns)
        with self._engine.staged(staged.table):
            self._engine.execute(
                f"UPDATE {place} t SET {changes}, uuid_ts = ?::TIMESTAMP FROM {BATCH} b WHERE {is_same}",
                [self._loaded_at],
            )
            self._engine.execute(
                f"INSERT INTO {place} ({names}, uuid_ts) SELECT {values}, ?::TIMESTAMP FROM {BATCH} b "
                f"WHERE b.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {place} t WHERE {is_same})",
                [self._loaded_at],
            )

    def _decide_anew(self, batch: ObjectBatch, late: dict[str, set[str]]) -> None:
        engine = self._engine
        tables = read_schema(engine, self._schema)
        calls, objects = tables[batch.calls_table].columns, tables[batch.name].columns
        named = {fitting(name, engine) for name in set[str]().union(*late.values())}
        for name in sorted(named & calls.keys() - objects.keys()):
            engine.execute(f"ALTER TABLE {self._place(batch.name)} ADD COLUMN {quoted(name)} {calls[name].physical}")
        columns = sorted(named & calls.keys())
        if not columns:
            return
        found = ", ".join(f"{engine.latest(quoted(name))} AS {quoted(name)}" for name in columns)
        changes = ", ".join(
            f"{quoted(name)} = COALESCE({self._decided(name, calls, objects)}, t.{quoted(name)})" for name in columns
        )
        with engine.staged(pa.table({"id": pa.array(list(late), pa.string())})):
            engine.execute(
                f"UPDATE {self._place(batch.name)} t SET {changes}, uuid_ts = ?::TIMESTAMP FROM "
                f"(SELECT {quoted(batch.key)} AS id, {found} FROM {self._place(batch.calls_table)} "
                f"WHERE {quoted(batch.key)} IN (SELECT b.id FROM {BATCH} b) GROUP BY 1) l WHERE t.id = l.id",
                [self._loaded_at],
            )

    def _decided(self, name: str, calls: Mapping[str, TargetColumn], objects: Mapping[str, TargetColumn]) -> str:
        """The value of a call in the type that the column of the object has."""
        value, wanted = f"l.{quoted(name)}", objects.get(name, calls[name]).physical
        return value if calls[name].physical == wanted else self._engine.try_cast(f"{value}::VARCHAR", wanted)

    def _place(self, name: str) -> str:
        return f"{quoted(self._schema)}.{quoted(fitting(name, self._engine))}"
