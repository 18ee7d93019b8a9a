"""Erases people and objects from quarantine, also the events of a person that have an anonymous id alone.

An anonymous id is a person's where an event in quarantine or a row of a warehouse, of the same source, has it beside
their user id and none has it beside another one. What tells that goes last: a deletion that is cut off finds it again.
"""

from collections.abc import Iterator, Sequence

import msgspec
import structlog

from penstock.api.unit import Roles
from penstock.infra.calls import CallError
from penstock.resources.regulations.repository import Regulation
from penstock.spec.quarantine import (
    EndedHeld,
    EndHeld,
    FindAnonymous,
    FindAnonymousRows,
    FoundAnonymous,
    QuarantineFilter,
    Visitors,
)
from penstock.spec.suppression import SubjectType

logger = structlog.get_logger(__name__)
CALL_SECONDS = 600.0
_EVENTS_AT_ONCE = 1_000
_BYTES_AT_ONCE = 128 << 10
"""Of anonymous ids and their sources, in one call."""


async def erase(
    roles: Roles, regulation: Regulation, subject_ids: Sequence[str], until: int, warehouse_ids: Sequence[str]
) -> int:
    """What quarantine holds of these by `until` (ms); delivery brings nothing older there. Raises CallError."""
    wanted = QuarantineFilter(regulation.workspace_id, source_id=regulation.source_id, until=until)
    match regulation.subject_type:
        case SubjectType.OBJECT_ID:
            return await _end(roles, msgspec.structs.replace(wanted, objects=frozenset(subject_ids)))
        case SubjectType.ANONYMOUS_ID:
            return await _end_anonymous(roles, wanted, [(regulation.source_id, each) for each in subject_ids])
        case _:
            users = frozenset(subject_ids)
            asked = FindAnonymous(regulation.workspace_id, regulation.source_id, users)
            rows = await _end_anonymous(roles, wanted, await _theirs_alone(roles, asked, warehouse_ids))
            return rows + await _end(roles, msgspec.structs.replace(wanted, users=users))


async def _theirs_alone(roles: Roles, asked: FindAnonymous, warehouse_ids: Sequence[str]) -> list[tuple[str, str]]:
    theirs = await _find(roles, asked, warehouse_ids)
    for chosen in _few(sorted(theirs)):
        theirs -= await _find(roles, msgspec.structs.replace(asked, among=chosen), warehouse_ids)
    return sorted(theirs)


async def _find(roles: Roles, asked: FindAnonymous, warehouse_ids: Sequence[str]) -> Visitors:
    """In quarantine and all warehouses; one that cannot be asked tells nothing."""
    found = (await roles.ask(asked, FoundAnonymous, deadline_seconds=CALL_SECONDS)).found
    for warehouse_id in warehouse_ids:
        rows = FindAnonymousRows(**msgspec.structs.asdict(asked), warehouse_id=warehouse_id)
        try:
            found |= (await roles.ask(rows, FoundAnonymous, deadline_seconds=CALL_SECONDS)).found
        except CallError as error:
            logger.warning("A warehouse does not tell of anonymous ids.", warehouse=warehouse_id, reason=str(error))
    return found


async def _end_anonymous(roles: Roles, wanted: QuarantineFilter, meant: Sequence[tuple[str, str]]) -> int:
    return sum([await _end(roles, msgspec.structs.replace(wanted, anonymous=chosen)) for chosen in _few(meant)])


def _few(meant: Sequence[tuple[str, str]]) -> Iterator[Visitors]:
    """As many as one call takes."""
    chosen: list[tuple[str, str]] = []
    size = 0
    for each in meant:
        chosen.append(each)
        size += sum(len(part.encode("utf-8", "surrogatepass")) for part in each)
        if size >= _BYTES_AT_ONCE:
            yield frozenset(chosen)
            chosen, size = [], 0
    if chosen:
        yield frozenset(chosen)


async def _end(roles: Roles, wanted: QuarantineFilter) -> int:
    rows = 0
    while True:
        ended = await roles.ask(EndHeld(wanted, "drop", _EVENTS_AT_ONCE), EndedHeld, deadline_seconds=CALL_SECONDS)
        rows += ended.count
        if not ended.has_more:
            return rows
