"""A warehouse in SQL: one transaction per load, which holds the rows, the records and the position, or nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.port import Load, LoadReport, SyncRecord, WarehouseError
from penstock.catalog.warehouses.sql.bookkeeping import Bookkeeping, moment, record_of
from penstock.catalog.warehouses.sql.engine import Engine
from penstock.catalog.warehouses.sql.forgetting import find_anonymous, forget_objects, forget_people
from penstock.catalog.warehouses.sql.objects import ObjectLoading
from penstock.catalog.warehouses.sql.rows import load_rows
from penstock.catalog.warehouses.sql.schema import Schema, fitting, read_schema, read_schemas, schema_of
from penstock.infra.faults import fault_point

T = TypeVar("T")


class SqlWarehouse:
    """Loads through one engine. What reads it is the driver's own."""

    def __init__(self, engine: Engine, warehouse_id: str) -> None:
        self.engine = engine
        self._books = Bookkeeping(engine, warehouse_id)

    def positions(self) -> dict[int, int]:
        try:
            return self._books.positions()
        except self.engine.errors as error:
            raise WarehouseError(str(error)) from error

    def source_positions(self) -> dict[tuple[int, str], int] | None:
        try:
            return self._books.source_positions()
        except self.engine.errors as error:
            raise WarehouseError(str(error)) from error

    def records_after(self, shard: int, sequence: int) -> list[SyncRecord]:
        try:
            return self._books.records_after(shard, sequence)
        except self.engine.errors as error:
            raise WarehouseError(str(error)) from error

    def load(self, load: Load) -> LoadReport:
        try:
            try:
                self.engine.begin()
                report = self._load(load)
                fault_point("warehousing.in_transaction")
                self.engine.commit()
            except BaseException:
                self.engine.roll_back()
                raise
        except self.engine.errors as error:
            raise WarehouseError(self.engine.words(error)) from error
        return report

    def forget(self, user_ids: Sequence[str], source_schemas: Sequence[str] | None) -> dict[str, int]:
        return self._forget(lambda schemas: forget_people(self.engine, user_ids, schemas), source_schemas)

    def forget_objects(
        self, object_ids: Sequence[str], collection: str, source_schemas: Sequence[str] | None
    ) -> dict[str, int]:
        def forget(schemas: Sequence[str] | None) -> dict[str, int]:
            return forget_objects(self.engine, object_ids, self._books.collections(collection), schemas)

        return self._forget(forget, source_schemas)

    def find_anonymous(
        self, user_ids: Sequence[str], among: Mapping[str, Sequence[str] | None]
    ) -> dict[str, list[str]]:
        named = {schema_of(schema, self.engine): schema for schema in among}

        def find() -> dict[str, list[str]]:
            asked = {own: among[schema] for own, schema in named.items()}
            return {named[own]: found for own, found in find_anonymous(self.engine, user_ids, asked).items()}

        return self._in_transaction(find)

    def _forget(
        self, forget: Callable[[Sequence[str] | None], dict[str, int]], source_schemas: Sequence[str] | None
    ) -> dict[str, int]:
        """`forget` is told the schemas as the engine names them."""
        schemas = None if source_schemas is None else [schema_of(each, self.engine) for each in source_schemas]
        return self._in_transaction(lambda: forget(schemas))

    def _in_transaction(self, work: Callable[[], T]) -> T:
        engine = self.engine
        try:
            try:
                engine.begin()
                self._books.prepare()
                result = work()
                engine.commit()
            except BaseException:
                engine.roll_back()
                raise
        except engine.errors as error:
            raise WarehouseError(engine.words(error)) from error
        return result

    def _load(self, load: Load) -> LoadReport:
        begun = time.monotonic()
        engine = self.engine
        self._books.prepare()
        total = events = 0
        records = []
        schemas = read_schemas(engine, sorted({schema_of(source.schema, engine) for source in load.sources}))
        for source in load.sources:
            # Taken once: should two sources share a schema, the second one's tables are those that the first has left.
            schema = schema_of(source.schema, engine)
            targets = schemas.pop(schema, None)
            if targets is None:
                targets = read_schema(engine, schema)
            collections = self._load_source(load, source, targets)
            rows = sum(collections.values())
            total, events = total + rows, events + source.events
            if rows or source.discards.total:
                records.append(record_of(load, source, collections, time.monotonic() - begun))
        self._books.write_discards(load)
        self._books.write_collections(load)
        self._books.write_records(load, records)
        self._books.write_position(load)
        self._books.write_source_positions(load)
        return LoadReport(total, events, records)

    def _load_source(self, load: Load, source: SourceBatch, targets: Schema) -> dict[str, int]:
        """How many rows came to each table."""
        engine, schema = self.engine, schema_of(source.schema, self.engine)
        loaded_at = moment(load.loaded_at)
        repeated: dict[str, frozenset[str]] = {}
        rows: dict[str, int] = {}
        for table in source.tables.values():
            rows[table.name], repeated[table.name] = load_rows(
                engine, schema, table, targets, source.discards, loaded_at
            )
        objects = ObjectLoading(engine, schema, source.discards, loaded_at)
        for batch in source.objects.values():
            rows[batch.name] = objects.load(
                batch, targets.get(fitting(batch.name, engine)), repeated.get(batch.calls_table, frozenset())
            )
        return rows
