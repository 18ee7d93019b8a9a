"""Names that every warehouse's tables share: what a selective sync cannot turn off, and which tables follow others."""

OBJECT_CALLS = {"users": "identifies", "accounts": "groups"}
"""Tables of objects, and the tables of the calls that make them: an object is known by its calls' rows."""

_ALWAYS = frozenset(("id", "received_at"))
NEEDED_COLUMNS = {
    "": _ALWAYS,
    "identifies": _ALWAYS | {"user_id"},
    "groups": _ALWAYS | {"group_id"},
}
"""Columns that a load cannot do without, by table; "" is every other table."""
