"""What is in a schema of the target now: read at every load, because the customer may have changed it since the last.

A type that is not one of ours reads as "there, foreign", never as absent.
"""

from collections.abc import Sequence

import msgspec

from penstock.catalog.warehouses.sql.engine import Engine, quoted
from penstock.catalog.warehouses.values import LogicalType
from penstock.spec.names import identifier


class TargetColumn(msgspec.Struct, frozen=True):
    """A column as the engine describes it; `logical` is None where its type is foreign."""

    name: str
    physical: str
    logical: LogicalType | None = None


class TargetTable(msgspec.Struct, frozen=True):
    """Columns by lower-case name, because not every engine tells cases apart."""

    columns: dict[str, TargetColumn]
    is_view: bool = False


Schema = dict[str, TargetTable]
"""Tables by lower-case name."""


def schema_of(name: str, engine: Engine) -> str:
    """The schema of a source; names of the engine and of our own schema get a `_`."""
    own = "_" + name if name in engine.reserved_schemas or name.startswith("penstock") else name
    return fitting(own, engine)


def fitting(name: str, engine: Engine) -> str:
    """`name` as long as the engine takes it."""
    return identifier(name, engine.capabilities.identifier_limit)


def read_schema(engine: Engine, schema: str) -> Schema:
    """The tables of `schema`, which is made where it is missing."""
    return read_schemas(engine, [schema])[schema]


def read_schemas(engine: Engine, schemas: Sequence[str]) -> dict[str, Schema]:
    """Several at once: an engine may go through all its columns for each such question."""
    for schema in schemas:
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    found: dict[str, Schema] = {schema: {} for schema in schemas}
    for schema, table, column, physical, is_view in engine.columns(schemas):
        known = found[schema].setdefault(table.lower(), TargetTable({}, is_view))
        known.columns[column.lower()] = TargetColumn(column, physical, engine.logical(physical))
    return found
