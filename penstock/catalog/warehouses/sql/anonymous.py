"""Which rows a person left before they were known: those of an anonymous id that is theirs alone.

An anonymous id is a person's where an event of the source has it beside their user id. Where an event has it beside
another user id too, several people share the device, and nobody can tell whose its other rows are: they stay.
"""

# ruff: noqa: S608 - identifiers are quoted, values are in tables

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import TargetTable

_FOUND = "penstock_anonymous"
_OBJECTS = frozenset(("users", "accounts"))
_EVENT = frozenset(("anonymous_id", "received_at", "timestamp"))
"""Columns that tables of events have, and those of objects or of the customer hardly all."""


@contextmanager
def anonymous_rows(engine: Engine, schema: str, tables: Mapping[str, TargetTable]) -> Iterator[Mapping[str, str]]:
    """By name of a table the SQL that is true for such rows of those whose ids are in `BATCH`; empty: there are none.

    `tables` are those of one schema. Each costs two reads of two columns, however many people are meant.
    """
    of_events = {name: table for name, table in tables.items() if _is_of_events(name, table)}
    engine.execute(f"CREATE TEMPORARY TABLE {_FOUND} (id VARCHAR)")
    for name, table in of_events.items():
        if "user_id" in table.columns:
            _find(engine, f"{quoted(schema)}.{quoted(name)} t", table)
    is_found = bool(engine.fetch(f"SELECT 1 FROM {_FOUND} LIMIT 1"))
    if is_found:
        for name, table in of_events.items():
            if "user_id" in table.columns:
                _drop_shared(engine, f"{quoted(schema)}.{quoted(name)} t", table)
    yield {name: _condition(table) for name, table in of_events.items()} if is_found else {}
    engine.execute(f"DROP TABLE {_FOUND}")


def ids_beside(engine: Engine, schema: str, tables: Mapping[str, TargetTable]) -> list[str]:
    """The anonymous ids that events have beside the users whose ids are in `BATCH`."""
    engine.execute(f"CREATE TEMPORARY TABLE {_FOUND} (id VARCHAR)")
    for place, table in _with_users(schema, tables):
        _find(engine, place, table)
    return _taken(engine)


def keep(engine: Engine) -> None:
    """The anonymous ids in `BATCH`, for `ids_beside_others`."""
    engine.execute(f"CREATE TEMPORARY TABLE {_FOUND} AS SELECT b.id FROM {BATCH} b")


def ids_beside_others(engine: Engine, schema: str, tables: Mapping[str, TargetTable]) -> list[str]:
    """Those of the ids that were kept which events have beside users whose ids are not in `BATCH`."""
    shared: set[str] = set()
    for place, table in _with_users(schema, tables):
        shared.update(each for (each,) in engine.fetch(_shared(place, table)))
    _taken(engine)
    return sorted(shared)


def _with_users(schema: str, tables: Mapping[str, TargetTable]) -> Iterator[tuple[str, TargetTable]]:
    for name, table in tables.items():
        if _is_of_events(name, table) and "user_id" in table.columns:
            yield f"{quoted(schema)}.{quoted(name)} t", table


def _taken(engine: Engine) -> list[str]:
    found = [each for (each,) in engine.fetch(f"SELECT DISTINCT id FROM {_FOUND}")]
    engine.execute(f"DROP TABLE {_FOUND}")
    return found


def _is_of_events(name: str, table: TargetTable) -> bool:
    return not table.is_view and name.lower() not in _OBJECTS and table.columns.keys() >= _EVENT


def _text(table: TargetTable, column: str) -> str:
    return f"CAST(t.{quoted(table.columns[column].name)} AS VARCHAR)"


def _find(engine: Engine, place: str, table: TargetTable) -> None:
    user, anonymous = _text(table, "user_id"), _text(table, "anonymous_id")
    engine.execute(
        f"INSERT INTO {_FOUND} SELECT DISTINCT {anonymous} FROM {place} "
        f"WHERE {user} IN (SELECT b.id FROM {BATCH} b) AND {anonymous} IS NOT NULL"
    )


def _drop_shared(engine: Engine, place: str, table: TargetTable) -> None:
    """The rows of these ids first: the set of all others would be as large as the table."""
    engine.execute(f"DELETE FROM {_FOUND} WHERE id IN ({_shared(place, table)})")


def _shared(place: str, table: TargetTable) -> str:
    user, anonymous = _text(table, "user_id"), _text(table, "anonymous_id")
    return (
        f"SELECT {anonymous} FROM {place} WHERE {anonymous} IN (SELECT f.id FROM {_FOUND} f) "
        f"AND {user} IS NOT NULL AND {user} NOT IN (SELECT b.id FROM {BATCH} b)"
    )


def _condition(table: TargetTable) -> str:
    nobody = f"{_text(table, 'user_id')} IS NULL AND " if "user_id" in table.columns else ""
    return f"{nobody}{_text(table, 'anonymous_id')} IN (SELECT f.id FROM {_FOUND} f)"
