"""Which overrides can act: what a sync cannot do without stays on, and the asker is told."""

from collections.abc import Iterable

import msgspec

from penstock.resources.selective_sync.repository import Off
from penstock.resources.selective_sync.schemas import Override
from penstock.spec.warehouse_names import NEEDED_COLUMNS, OBJECT_CALLS

OFF_LIMIT = 5_000
"""What may be off in one warehouse."""


class Change(msgspec.Struct):
    """What overrides make of the rows that are there."""

    added: list[Off]
    removed: list[Off]
    warnings: list[str]


def change_of(present: Iterable[Off], warehouse_id: str, overrides: Iterable[Override]) -> Change:
    """In the order of the overrides: the last one on a thing counts."""
    before = set(present)
    after = set(before)
    warnings = []
    for override in overrides:
        named = Off(warehouse_id, override.source_id, override.collection, override.property)
        if override.enabled:
            after.discard(named)
        elif warning := _refusal(override):
            warnings.append(warning)
        else:
            after.add(named)
    warnings += _followers(after)
    order = msgspec.structs.astuple
    return Change(sorted(after - before, key=order), sorted(before - after, key=order), warnings)


def _refusal(override: Override) -> str:
    if override.property in NEEDED_COLUMNS.get(override.collection, NEEDED_COLUMNS[""]):
        return f"{override.property} of {override.collection} stays on: a sync cannot do without it"
    return ""


def _followers(off: set[Off]) -> Iterable[str]:
    for row in sorted(off, key=msgspec.structs.astuple):
        for objects, calls in OBJECT_CALLS.items():
            if row.collection == calls and not row.property:
                yield f"{objects} follows {calls}: it is not loaded either"
