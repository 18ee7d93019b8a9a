"""A batch of one table as an Arrow table that fits the target: types chosen, columns made, misfits recorded.

The rule for a new column: the latest occurrence in the load decides its type. It depends on the log alone, not on
threads, files or restarts within a load. An existing column keeps its type whatever comes.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from penstock.catalog.warehouses.batch import COLUMN_LIMIT, TableBatch
from penstock.catalog.warehouses.discards import DiscardKind, Discards
from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import TargetColumn, TargetTable, fitting
from penstock.catalog.warehouses.values import LogicalType, as_text, converted, logical_type_of

_ARROW = {
    LogicalType.TIMESTAMP: pa.timestamp("us"),
    LogicalType.INTEGER: pa.int64(),
    LogicalType.FLOAT: pa.float64(),
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.VARCHAR: pa.string(),
}
_CELL, _WIDEST_CELL = 8, 20
"""Bytes that a value takes in its row: a number or time, and a text, which moves out of the row where it is long."""
_ROW = "penstock row"
"""Name of the staged column that numbers the rows; no sender can make it, because of the blank."""


class Staged(msgspec.Struct, frozen=True):
    """Arrow columns by target column, in the order of `targets`."""

    targets: list[TargetColumn]
    table: Any

    def expression(self, target: TargetColumn, engine: Engine) -> str:
        """SQL of the value to store: what is ours as it is, what is foreign as far as the engine can cast it."""
        value = f"b.{quoted(target.name)}"
        return value if target.logical else engine.try_cast(value, target.physical)


class Staging:
    """Brings the batches of one schema into the form of their tables, and the tables into that of the batches."""

    def __init__(self, engine: Engine, schema: str, discards: Discards) -> None:
        self._engine = engine
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
        if (limit := self._engine.capabilities.row_bytes) and len(arrays) * _WIDEST_CELL > limit:
            arrays = self._fit_rows(batch.name, arrays, kept, limit)
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
            column = fitting(name, self._engine)
            if column not in known:
                if len(known) >= min(COLUMN_LIMIT, self._engine.capabilities.column_limit):
                    self._overflow(batch.name, name, found, batch, kept)
                    continue
                logical = batch.declared.get(name) or logical_type_of(latest.get(name, found[-1]))
                known[column] = TargetColumn(column, self._engine.physical[logical], logical)
                missing.append(known[column])
            targets[name] = known[column]
        if "uuid_ts" not in known:
            missing.append(TargetColumn("uuid_ts", self._engine.physical[LogicalType.TIMESTAMP]))
        self._make(batch.name, target, missing)
        return targets

    def _overflow(self, table: str, name: str, values: Sequence[Any], batch: TableBatch, kept: Sequence[str]) -> None:
        row_ids = kept if len(kept) == len(values) else [batch.ids[row] for row in batch.columns[name].rows]
        for row_id, value in zip(row_ids, values, strict=False):
            self._discards.add(table, name, row_id, value, DiscardKind.TOO_MANY_COLUMNS)

    def _make(self, name: str, target: TargetTable | None, missing: Sequence[TargetColumn]) -> None:
        place = f"{quoted(self._schema)}.{quoted(fitting(name, self._engine))}"
        columns = [f"{quoted(column.name)} {column.physical}" for column in missing]
        if target is None:
            self._engine.execute(f"CREATE TABLE {place} ({', '.join(columns)})")
            self._engine.table_made(place)
            return
        for column in columns:
            self._engine.execute(f"ALTER TABLE {place} ADD COLUMN {column}")

    def _array(
        self, table: str, target: TargetColumn, rows: Sequence[int], values: Sequence[Any], kept: Sequence[str]
    ) -> Any:
        logical = target.logical
        if logical is None:
            return self._foreign(table, target, rows, values, kept)
        if logical is LogicalType.TIMESTAMP and (fast := _times(rows, values, len(kept))) is not None:
            return fast
        results, problems = converted(values, logical)
        if logical is LogicalType.VARCHAR:
            problems = [*problems, *self._fit_texts(results)]
        for index, kind in problems:
            self._discards.add(table, target.name, kept[rows[index]], values[index], kind)
        return pa.array(_spread(rows, results, len(kept)), _ARROW[logical])

    def _foreign(
        self, table: str, target: TargetColumn, rows: Sequence[int], values: Sequence[Any], kept: Sequence[str]
    ) -> Any:
        """The values as text, from which the engine casts; what it cannot, or not exactly, is recorded."""
        texts = [as_text(value) for value in values]
        self._fit_texts(texts)
        array = pa.array(texts, pa.string())
        numbered = pa.table([array, pa.array(range(len(values)), pa.int64())], names=["value", "number"])
        cast = self._engine.try_cast("value", target.physical)
        with self._engine.staged(numbered):
            lost = self._engine.fetch(
                f"SELECT number, cast_value IS NULL FROM (SELECT number, value, {cast} AS cast_value FROM {BATCH}) c "
                f"WHERE cast_value IS NULL OR {self._engine.inexact('value', 'cast_value', target.physical)} "
                "ORDER BY number"
            )
        for number, is_missing in lost:
            kind = DiscardKind.CAST_FAILED if is_missing else DiscardKind.PRECISION_LOST
            self._discards.add(table, target.name, kept[rows[number]], values[number], kind)
        return pa.array(_spread(rows, array.to_pylist(), len(kept)), pa.string())

    def _fit_rows(
        self, table: str, arrays: dict[TargetColumn, Any], kept: Sequence[str], limit: int
    ) -> dict[TargetColumn, Any]:
        """Of each row the values that fit into a page, in the order of the columns."""
        room = [limit] * len(kept)
        fit = {}
        for target, array in arrays.items():
            values = array.to_pylist()
            for row, value in enumerate(values):
                if value is None:
                    continue
                room[row] -= min(len(value) + 1, _WIDEST_CELL) if isinstance(value, str) else _CELL
                if room[row] < 0:
                    self._discards.add(table, target.name, kept[row], value, DiscardKind.TOO_MANY_COLUMNS)
                    values[row] = None
            fit[target] = pa.array(values, array.type)
        return fit

    def _fit_texts(self, texts: list[Any]) -> list[tuple[int, DiscardKind]]:
        """Cut, in place, what the engine does not take; which ones that was."""
        limits = self._engine.capabilities
        if limits.takes_nul and not limits.text_limit:
            return []
        cut = []
        for index, text in enumerate(texts):
            fit = text if limits.takes_nul else text.replace("\0", "")
            if limits.text_limit:
                fit = fit[: limits.text_limit]
            if fit is not text and fit != text:
                texts[index] = fit
                cut.append((index, DiscardKind.TRUNCATED))
        return cut


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
