"""Deletes people and objects from a target: their rows, and what Penstock has noted of their values.

A row is a person's where its `user_id` is the person's id; so is a user of that id, an alias that names it as the
previous one, and an event without a user id whose anonymous id is theirs alone (`anonymous`). Tables that the customer
has made beside ours count too, where they have a `user_id`. An account is not a person's, but for what they have left
of themselves there (`accounts`). Objects are deleted by their id, from the tables of their collections alone: an event
may have the same id.
"""

# ruff: noqa: S608 - identifiers are quoted, values are parameters or Arrow

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import pyarrow as pa

from penstock.catalog.warehouses.sql.accounts import clear_accounts
from penstock.catalog.warehouses.sql.anonymous import anonymous_rows, ids_beside, ids_beside_others, keep
from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import TargetColumn, TargetTable

_META = "penstock_meta"
_USERS, _ALIASES = "users", "aliases"


def forget_people(engine: Engine, user_ids: Sequence[str], schemas: Sequence[str] | None) -> dict[str, int]:
    """Rows deleted by table, in the transaction that is open. `schemas` None: all that are there."""
    ids = _ids(engine, user_ids)
    tables = _tables(engine, _all_schemas(engine) if schemas is None else schemas)
    rows: dict[str, int] = {}
    with engine.staged(ids):
        for schema, within in _by_schema(tables).items():
            with anonymous_rows(engine, schema, within) as anonymous:
                conditions = {
                    name: [each for each in (_condition(name, table), anonymous.get(name, "")) if each]
                    for name, table in within.items()
                }
                clear_accounts(engine, schema, within, conditions)
                for name, table in within.items():
                    if not table.is_view:
                        rows[f"{schema}.{name}"] = sum(
                            _delete(engine, schema, name, table, condition) for condition in conditions[name]
                        )
    return {place: count for place, count in rows.items() if count}


def find_anonymous(
    engine: Engine, user_ids: Sequence[str], among: Mapping[str, Sequence[str] | None]
) -> dict[str, list[str]]:
    """By schema, each told in `among` as to its ids: those beside one of the users (None), or beside somebody else."""
    by_schema = _by_schema(_tables(engine, sorted(among))) if among else {}
    found: dict[str, list[str]] = {}
    for schema, tables in by_schema.items():
        asked = among[schema]
        if asked is None:
            with engine.staged(_ids(engine, user_ids)):
                found[schema] = ids_beside(engine, schema, tables)
        else:
            with engine.staged(_ids(engine, asked)):
                keep(engine)
            with engine.staged(_ids(engine, user_ids)):
                found[schema] = ids_beside_others(engine, schema, tables)
    return found


def forget_objects(
    engine: Engine,
    object_ids: Sequence[str],
    collections: AbstractSet[tuple[str, str]],
    schemas: Sequence[str] | None,
) -> dict[str, int]:
    """The same of objects. `collections` are the tables (schema, name) that hold some."""
    meant = sorted(place for place in collections if schemas is None or place[0] in schemas)
    tables = _tables(engine, sorted({schema for schema, _ in meant})) if meant else {}
    rows: dict[str, int] = {}
    with engine.staged(_ids(engine, object_ids)):
        for schema, name in meant:
            table = tables.get((schema, name))
            if table is not None and "id" in table.columns and not table.is_view:
                rows[f"{schema}.{name}"] = _delete(engine, schema, name, table, _is_one_of(table.columns["id"].name))
        # Also of those that have no row, because something else stands in the place of their table.
        for schema in [""] if schemas is None else schemas:
            engine.execute(
                f"DELETE FROM {_META}.discards WHERE ? IN ('', schema_name) AND row_id IN (SELECT b.id FROM {BATCH} b)",
                [schema],
            )
    return {place: count for place, count in rows.items() if count}


def _ids(engine: Engine, ids: Sequence[str]) -> pa.Table:
    return pa.table({"id": pa.array([_stored(engine, each) for each in ids], pa.string())})


def _is_one_of(column: str) -> str:
    return f"CAST(t.{quoted(column)} AS VARCHAR) IN (SELECT b.id FROM {BATCH} b)"


def _stored(engine: Engine, user_id: str) -> str:
    """As the target holds it."""
    limit = engine.capabilities.text_limit
    text = user_id if engine.capabilities.takes_nul else user_id.replace("\0", "")
    return text[:limit] if limit else text


def _all_schemas(engine: Engine) -> list[str]:
    found = engine.fetch("SELECT DISTINCT table_schema FROM information_schema.tables")
    return [schema for (schema,) in found if schema not in engine.reserved_schemas and schema != _META]


def _tables(engine: Engine, schemas: Sequence[str]) -> dict[tuple[str, str], TargetTable]:
    """With the columns by lower-case name."""
    found: dict[tuple[str, str], TargetTable] = {}
    for schema, name, column, physical, is_view in engine.columns(schemas):
        table = found.setdefault((schema, name), TargetTable({}, is_view))
        table.columns[column.lower()] = TargetColumn(column, physical)
    return found


def _by_schema(tables: Mapping[tuple[str, str], TargetTable]) -> dict[str, dict[str, TargetTable]]:
    found: dict[str, dict[str, TargetTable]] = {}
    for (schema, name), table in tables.items():
        found.setdefault(schema, {})[name] = table
    return found


def _condition(name: str, table: TargetTable) -> str:
    """SQL that is true for rows of these people; empty where a table has none."""
    wanted = ["user_id", *{_USERS: ["id"], _ALIASES: ["previous_id"]}.get(name.lower(), [])]
    return " OR ".join(_is_one_of(table.columns[column].name) for column in wanted if column in table.columns)


def _delete(engine: Engine, schema: str, name: str, table: TargetTable, condition: str) -> int:
    place = f"{quoted(schema)}.{quoted(name)} t"
    ((count,),) = engine.fetch(f"SELECT count(*) FROM {place} WHERE {condition}")
    if not count:
        return 0
    if "id" in table.columns:
        identifier = f"CAST(t.{quoted(table.columns['id'].name)} AS VARCHAR)"
        engine.execute(
            f"DELETE FROM {_META}.discards WHERE schema_name = ? AND row_id IN "
            f"(SELECT {identifier} FROM {place} WHERE {condition})",
            [schema],
        )
    engine.execute(f"DELETE FROM {place} WHERE {condition}")
    return int(count)
