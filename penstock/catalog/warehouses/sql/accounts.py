"""What a person has left of themselves in accounts. An account is not theirs: what they told of it stays.

Of the accounts that they told of, in a call of their own or before they were known, goes the context of who told last,
and every trait that is their id or holds an e-mail address of theirs. Theirs are those of their traits.
"""

# ruff: noqa: S608 - identifiers are quoted, values are in tables

from collections.abc import Iterator, Mapping

from penstock.catalog.warehouses.sql.engine import BATCH, Engine, quoted
from penstock.catalog.warehouses.sql.schema import TargetTable
from penstock.catalog.warehouses.values import LogicalType

_USERS, _IDENTIFIES, _GROUPS, _ACCOUNTS = "users", "identifies", "groups", "accounts"
_CONTEXT = "context_"
_TOLD, _FOUND = "penstock_accounts", "penstock_addresses"
_BETWEEN = ',;:<>()[]{}|/="&?\t\n'
"""What may stand beside an address in a text, a list, JSON or a query."""
_AROUND = ".!''"
"""What may also stand at its ends, as SQL has it between quotes; within it an apostrophe is its own."""
_ENCODED = {"%40": "@", "%2b": "+"} | dict.fromkeys(
    ("%20", "%22", "%26", "%2c", "%2f", "%3a", "%3b", "%3c", "%3d", "%3e", "%3f", "%7c"), " "
)
"""What stands for these in the query of an address on the web, and for what may be beside an address there."""
_ADDRESSES = {
    _USERS: ("email", "context_traits_email"),
    _IDENTIFIES: ("email", "context_traits_email"),
    _GROUPS: ("context_traits_email",),
}
"""Columns that hold the address of whom a row is of."""


def clear_accounts(
    engine: Engine, schema: str, tables: Mapping[str, TargetTable], conditions: Mapping[str, list[str]]
) -> None:
    """`conditions` are SQL, by table, each true for rows of those whose ids are in `BATCH`; these are still there."""
    accounts, calls = tables.get(_ACCOUNTS), tables.get(_GROUPS)
    if accounts is None or accounts.is_view or "id" not in accounts.columns:
        return
    if calls is None or "group_id" not in calls.columns or not conditions.get(_GROUPS):
        return
    engine.execute(
        f"CREATE TEMPORARY TABLE {_TOLD} AS SELECT DISTINCT t.group_id AS id "
        f"FROM {quoted(schema)}.{quoted(_GROUPS)} t WHERE {_any(conditions[_GROUPS])}"
    )
    if engine.fetch(f"SELECT 1 FROM {_TOLD} LIMIT 1"):
        place = f"{quoted(schema)}.{quoted(_ACCOUNTS)}"
        contexts = [column.name for key, column in accounts.columns.items() if key.startswith(_CONTEXT)]
        if contexts:
            emptied = ", ".join(f"{quoted(column)} = NULL" for column in contexts)
            engine.execute(f"UPDATE {place} SET {emptied} WHERE id IN (SELECT o.id FROM {_TOLD} o)")
        _find_addresses(engine, schema, tables, conditions)
        for key, column in accounts.columns.items():
            is_text = engine.logical(column.physical) is LogicalType.VARCHAR
            if is_text and key != "id" and not key.startswith(_CONTEXT):
                _clear_trait(engine, place, quoted(column.name))
        engine.execute(f"DROP TABLE {_FOUND}")
    engine.execute(f"DROP TABLE {_TOLD}")


def _find_addresses(
    engine: Engine, schema: str, tables: Mapping[str, TargetTable], conditions: Mapping[str, list[str]]
) -> None:
    engine.execute(f"CREATE TEMPORARY TABLE {_FOUND} (id VARCHAR)")
    for name, holder in _holding_addresses(tables):
        address = f"CAST(t.{holder} AS VARCHAR)"
        for condition in conditions.get(name, []):
            engine.execute(
                f"INSERT INTO {_FOUND} SELECT DISTINCT lower({address}) FROM {quoted(schema)}.{quoted(name)} t "
                f"WHERE ({condition}) AND {address} LIKE '%_@_%'"
            )


def _clear_trait(engine: Engine, place: str, trait: str) -> None:
    """Where it is an id or an address, or one of its words is an address, or one of its strings in JSON an id."""
    words = (
        f"SELECT a.id, unnest(string_to_array({_spaced(f'lower(a.{trait})')}, ' ')) AS word FROM {place} a "
        f"WHERE a.{trait} LIKE '%@%' AND a.id IN (SELECT o.id FROM {_TOLD} o) UNION ALL "
        f"SELECT a.id, unnest(string_to_array({_spaced(_decoded(f'lower(a.{trait})'))}, ' ')) AS word FROM {place} a "
        f"WHERE strpos(a.{trait}, '%40') > 0 AND a.id IN (SELECT o.id FROM {_TOLD} o)"
    )
    strings = (
        f"SELECT a.id, unnest(string_to_array(a.{trait}, '\"')) AS word FROM {place} a "
        f"WHERE (a.{trait} LIKE '[%' OR a.{trait} LIKE '{{%') AND a.id IN (SELECT o.id FROM {_TOLD} o)"
    )
    ids, addresses = f"(SELECT b.id FROM {BATCH} b)", f"(SELECT f.id FROM {_FOUND} f)"
    engine.execute(
        f"UPDATE {place} SET {trait} = NULL WHERE id IN (SELECT o.id FROM {_TOLD} o) "
        f"AND ({trait} IN {ids} OR lower({trait}) IN {addresses} "
        f"OR id IN (SELECT s.id FROM ({strings}) s WHERE s.word IN {ids}) "
        f"OR id IN (SELECT w.id FROM ({words}) w WHERE ltrim(rtrim(w.word, '{_AROUND}'), '{_AROUND}') IN {addresses}))"
    )


def _spaced(text: str) -> str:
    return f"translate({text}, '{_BETWEEN}', '{' ' * len(_BETWEEN)}')"


def _decoded(text: str) -> str:
    for code, meant in _ENCODED.items():
        text = f"replace({text}, '{code}', '{meant}')"
    return text


def _holding_addresses(tables: Mapping[str, TargetTable]) -> Iterator[tuple[str, str]]:
    """Name of a table, and a column of it."""
    for name, wanted in _ADDRESSES.items():
        table = tables.get(name)
        for column in wanted:
            if table is not None and not table.is_view and column in table.columns:
                yield name, quoted(table.columns[column].name)


def _any(conditions: list[str]) -> str:
    return " OR ".join(f"({each})" for each in conditions)
