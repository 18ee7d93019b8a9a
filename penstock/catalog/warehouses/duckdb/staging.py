"""A batch of one table as an Arrow table that fits the target: types chosen, columns made, misfits recorded.

The rule for a new column: the latest occurrence in the load decides its type. It depends on the log alone, not on
threads, files or restarts within a load. An existing column keeps its type whatever comes.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import COLUMN_LIMIT, TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.duckdb.catalog import PHYSICAL, TargetColumn, TargetTable
from penstock.catalog.warehouses.duckdb.connection import quoted, registered
from penstock.catalog.warehouses.values import LogicalType, as_text, converted, logical_type_of

_ARROW = {
    LogicalType.TIMESTAMP: pa.timestamp("us"),
    LogicalType.INTEGER: pa.int64(),
    LogicalType.FLOAT: pa.float64(),
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.VARCHAR: pa.string(),
}
_ROW = "penstock row"
"""Name of the staged column that numbers the rows; no sender can make it, because of the blank."""


class Staged(msgspec.Struct, frozen=True):
    """Arrow columns by target column, in the order of `targets`."""

    targets: list[TargetColumn]
    table: Any

    def expression(self, target: TargetColumn, alias: str = "b") -> str:
        """SQL of the value to store: what is ours as it is, what is foreign as far as the engine can cast it."""
        value = f"{alias}.{quoted(target.name)}"
        return value if target.logical else f"TRY_CAST({value} AS {target.physical})"


class Staging:
    """Brings the batches of one schema into the form of their tables, and the tables into that of the batches."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, discards: Discards) -> None:
        self._connection = connection
        self._schema = schema
        self._discards = discards

    def stage(
        self, batch: TableBatch, target: TargetTable | None, dropped: frozenset[str], latest: Mapping[str, Any]
    ) -> Staged:
        """`batch` without the rows in `dropped`. `latest` tells the deciding value where it is not the last one."""
        kept, renumbered = _kept_rows(batch.ids, dropped)
        found: dict[str, tuple[Sequence[int], Sequence[Any]]] = {}
        for name, column in batch.columns.items():
            rows: Sequence[int] = column.rows
            values: Sequence[Any] = column.values
            if renumbered is not None:
                pairs = [(renumbered[row], value) for row, value in zip(rows, values, strict=True) if row in renumbered]
                rows, values = [row for row, _ in pairs], [value for _, value in pairs]
            found[name] = rows, values
        targets = self._evolve(batch, target, {name: values for name, (_, values) in found.items()}, latest, kept)
        arrays = {}
        for name, column_target in targets.items():
            rows, values = found[name]
            if rows:
                arrays[column_target] = self._array(batch.name, column_target, rows, values, kept)
        staged = pa.table(list(arrays.values()), names=[column_target.name for column_target in arrays])
        staged = staged.append_column(_ROW, pa.array(range(len(kept)), pa.int64()))
        return Staged(list(arrays), staged)

    def _evolve(
        self,
        batch: TableBatch,
        target: TargetTable | None,
        values: Mapping[str, Sequence[Any]],
        latest: Mapping[str, Any],
        kept: Sequence[str],
    ) -> dict[str, TargetColumn]:
        """The target columns by name in the batch; what is missing in the target is made."""
        known = dict(target.columns) if target else {}
        missing: list[TargetColumn] = []
        targets: dict[str, TargetColumn] = {}
        for name, found in values.items():
            if not found and (target or name not in batch.declared):
                continue
            if name not in known:
                if len(known) >= COLUMN_LIMIT:
                    self._overflow(batch.name, name, found, batch, kept)
                    continue
                logical = batch.declared.get(name) or logical_type_of(latest.get(name, found[-1]))
                known[name] = TargetColumn(name, PHYSICAL[logical])
                missing.append(known[name])
            targets[name] = known[name]
        if "uuid_ts" not in known:
            missing.append(TargetColumn("uuid_ts", "TIMESTAMP"))
        self._make(batch.name, target, missing)
        return targets

    def _overflow(self, table: str, name: str, values: Sequence[Any], batch: TableBatch, kept: Sequence[str]) -> None:
        row_ids = kept if len(kept) == len(values) else [batch.ids[row] for row in batch.columns[name].rows]
        for row_id, value in zip(row_ids, values, strict=False):
            self._discards.add(table, name, row_id, value, DiscardKind.TOO_MANY_COLUMNS)

    def _make(self, name: str, target: TargetTable | None, missing: Sequence[TargetColumn]) -> None:
        place = f"{quoted(self._schema)}.{quoted(name)}"
        columns = [f"{quoted(column.name)} {column.physical}" for column in missing]
        if target is None:
            self._connection.execute(f"CREATE TABLE {place} ({', '.join(columns)})")
            return
        for column in columns:
            self._connection.execute(f"ALTER TABLE {place} ADD COLUMN {column}")

    def _array(
        self, table: str, target: TargetColumn, rows: Sequence[int], values: Sequence[Any], kept: Sequence[str]
    ) -> Any:
        logical = target.logical
        if logical is None:
            return self._foreign(table, target, rows, values, kept)
        if logical is LogicalType.TIMESTAMP and (fast := _times(rows, values, len(kept))) is not None:
            return fast
        results, problems = converted(values, logical)
        for index, kind in problems:
            self._discards.add(table, target.name, kept[rows[index]], values[index], kind)
        return pa.array(_spread(rows, results, len(kept)), _ARROW[logical])

    def _foreign(
        self, table: str, target: TargetColumn, rows: Sequence[int], values: Sequence[Any], kept: Sequence[str]
    ) -> Any:
        """The values as text, from which the engine casts; what it cannot, or not exactly, is recorded."""
        array = pa.array([as_text(value) for value in values], pa.string())
        numbered = pa.table([array, pa.array(range(len(values)), pa.int64())], names=["value", "number"])
        with registered(self._connection, "penstock_foreign", numbered):
            lost = self._connection.execute(
                f"SELECT number, cast_value IS NULL FROM (SELECT number, value, TRY_CAST(value AS {target.physical}) "
                f"AS cast_value FROM penstock_foreign) WHERE cast_value IS NULL OR {_inexact(target.physical)} "
                "ORDER BY number"
            ).fetchall()
        for number, is_missing in lost:
            kind = DiscardKind.CAST_FAILED if is_missing else DiscardKind.PRECISION_LOST
            self._discards.add(table, target.name, kept[rows[number]], values[number], kind)
        return pa.array(_spread(rows, array.to_pylist(), len(kept)), pa.string())


def _inexact(physical: str) -> str:
    """SQL that is true where a value of a foreign type is not what was sent."""
    if physical.startswith(
        ("DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
    ):
        return "TRY_CAST(value AS DOUBLE) <> TRY_CAST(cast_value AS DOUBLE)"
    if physical == "DATE":
        return "TRY_CAST(value AS TIMESTAMP) <> cast_value::TIMESTAMP"
    return "false"


def _kept_rows(ids: list[str], dropped: frozenset[str]) -> tuple[list[str], dict[int, int] | None]:
    """Ids of the rows that stay, and their new numbers by old ones; None where nothing is dropped."""
    if not dropped:
        return ids, None
    kept = [(row, row_id) for row, row_id in enumerate(ids) if row_id not in dropped]
    return [row_id for _, row_id in kept], {row: number for number, (row, _) in enumerate(kept)}


def _spread(rows: Sequence[int], values: Sequence[Any], count: int) -> Sequence[Any]:
    if len(rows) == count:
        return values
    full: list[Any] = [None] * count
    for row, value in zip(rows, values, strict=True):
        full[row] = value
    return full


def _times(rows: Sequence[int], values: Sequence[Any], count: int) -> Any | None:
    """All values at once, where all are texts as our own events spell times; None sends them the careful way."""
    try:
        texts = pa.array(_spread(rows, values, count), pa.string())
        return texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
