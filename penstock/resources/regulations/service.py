"""What the operations on regulations share: the making of one, its month's quota, and how it is told."""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import groupby
from typing import Any

import msgspec

from penstock.api.errors import RateLimited
from penstock.api.pagination import Page
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.kit.time import format_iso
from penstock.resources.regulations import suppressions
from penstock.resources.regulations.deletions import begin_deletion
from penstock.resources.regulations.repository import (
    DELETING,
    FORWARDED,
    INTERNAL,
    LISTED_MS,
    SUPPRESSING,
    Regulation,
    insert_regulation,
    sum_subjects,
)
from penstock.resources.regulations.segments import Key, bury_segments_of, lay, require_key
from penstock.resources.regulations.steps import State, Step, of_targets
from penstock.resources.regulations.suppressions import Suppression
from penstock.spec.suppression import object_in

MONTHLY_SUBJECTS = 110_000
"""People of one calendar month, of each group of types."""
PAGE_BYTES = 16 << 20
"""Ids in one answer; a page that holds more ends sooner."""
_RESOURCE = "REGULATION"
_STATUSES = {
    State.PENDING: "RUNNING",
    State.DONE: "FINISHED",
    State.FAILED: "FAILED",
    State.NOT_SUPPORTED: "NOT_SUPPORTED",
    State.KEPT: "FINISHED",
}
_SEED_TYPES = {"SUPPRESS_AND_DELETE": "SUPPRESS_WITH_DELETE"}
_TO_SEED = {"SUPPRESS_WITH_DELETE": "SUPPRESS_AND_DELETE", "SUPPRESS_WITH_DELETE_INTERNAL": "SUPPRESS_AND_DELETE"}


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for."""

    type: str
    subject_type: str
    subject_ids: Sequence[str]
    source_id: str = ""
    collection: str = ""


async def regulate(unit: Unit, asked: Asked, audit: str) -> dict[str, str]:
    """Take a request in, whole or not at all. Raises RateLimited where the month is used up."""
    type_, subject_ids = _SEED_TYPES.get(asked.type, asked.type), list(dict.fromkeys(asked.subject_ids))
    key = await require_key(unit)
    unit.headers |= await _require_quota(unit, type_, len(subject_ids))
    added = Regulation(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        source_id=asked.source_id,
        collection=asked.collection,
        type=type_,
        subject_type=asked.subject_type,
        subject_count=len(subject_ids),
        subject_bytes=sum(len(each.encode("utf-8", "surrogatepass")) for each in subject_ids),
        status="INITIALIZED",
        created_at=unit.now,
        finished_at=0,
    )
    await insert_regulation(unit.connection, added, subject_ids)
    await _act(unit, added, key, subject_ids)
    await unit.audit(audit, _RESOURCE, added.id, type_)
    return {"regulate_id": added.id}


async def _act(unit: Unit, regulation: Regulation, key: Key, subject_ids: Sequence[str]) -> None:
    """Let the data plane know of it, in the transaction of the request."""
    bare = digests = key.digests(regulation.subject_type, subject_ids)
    if regulation.collection:
        subjects = [object_in(regulation.collection, each) for each in subject_ids]
        digests = key.digests(regulation.subject_type, subjects)
    if regulation.type == "UNSUPPRESS":
        if ended := await suppressions.end(unit.connection, regulation, digests):
            await begin_deletion(unit, regulation, key, ended)
        await lay(unit, regulation, key, digests, is_ended=True)
    if regulation.type in SUPPRESSING:
        await suppressions.begin(unit.connection, regulation, digests)
        await lay(unit, regulation, key, digests, is_ended=False)
    if regulation.type in DELETING:
        # The bare ids find requests to source functions, of which nobody can tell what collection they are about.
        await begin_deletion(unit, regulation, key, {*digests, *bare})


async def end_suppressions_of(unit: Unit, source_id: str) -> None:
    """What happens here when a source is deleted."""
    await suppressions.delete_suppressions_of(unit.connection, unit.workspace_id, source_id)
    await bury_segments_of(unit, source_id)


async def _require_quota(unit: Unit, type_: str, wanted: int) -> dict[str, str]:
    """What the headers of the answer tell of the month: ids of the group of types, not requests. Raises RateLimited."""
    group = FORWARDED if type_ in FORWARDED else INTERNAL
    begins, ends = _month_of(unit.now)
    used = await sum_subjects(unit.connection, unit.workspace_id, sorted(group), begins)
    if used + wanted <= MONTHLY_SUBJECTS:
        return _quota(used + wanted, ends)
    left = ends - unit.now
    data = {"remainingPoints": MONTHLY_SUBJECTS - used, "msBeforeNext": left, "consumedPoints": used}
    message = f"at most {MONTHLY_SUBJECTS} ids a month; {used} were used in this one"
    error = RateLimited(message, data=data)
    error.headers = {"Retry-After": str(left // 1000 + 1)} | _quota(used, ends)
    raise error


def _quota(used: int, ends: int) -> dict[str, str]:
    return {
        "X-RateLimit-Consumed": str(used),
        "X-RateLimit-Remaining": str(MONTHLY_SUBJECTS - used),
        "X-RateLimit-Reset": formatdate(ends / 1000, usegmt=True),
    }


def _month_of(now: int) -> tuple[int, int]:
    """When the calendar month began and when the next one begins, in UTC."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    begins = int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)
    return begins, begins + calendar.monthrange(moment.year, moment.month)[1] * 24 * 3_600_000


def listed_since(unit: Unit) -> int:
    return unit.now - LISTED_MS


def bounded(page: Page, found: Sequence[Regulation]) -> tuple[Page, list[Regulation]]:
    """The page cut to what one answer may hold, and the regulations up to one more than that."""
    room = PAGE_BYTES
    for number, each in enumerate(found[: page.count]):
        room -= each.subject_bytes
        if room < 0 and number:
            return msgspec.structs.replace(page, count=number), list(found[: number + 1])
    return page, list(found)


def entry_of(regulation: Regulation, subject_ids: Sequence[str]) -> dict[str, Any]:
    """An entry of a list, as every contract has it."""
    finished = {"finishedAt": format_iso(regulation.finished_at)} if regulation.finished_at else {}
    return finished | {
        "id": regulation.id,
        "workspaceId": regulation.workspace_id,
        "subjectType": regulation.subject_type,
        "subjects": list(subject_ids),
        "status": regulation.status,
        "overallStatus": regulation.status,
        "createdAt": format_iso(regulation.created_at),
        "regulationType": regulation.type,
        "regulateType": _TO_SEED.get(regulation.type, regulation.type),
    }


def view_of(regulation: Regulation, source_ids: Sequence[str], steps: Sequence[Step]) -> dict[str, Any]:
    """A stream for each source that it is about, with the warehouses and destinations that it reaches."""
    finished = {"finishedAt": format_iso(regulation.finished_at)} if regulation.finished_at else {}
    return finished | {
        "id": regulation.id,
        "workspaceId": regulation.workspace_id,
        "overallStatus": regulation.status,
        "createdAt": format_iso(regulation.created_at),
        "streamStatus": [
            {"id": source_id, "destinationStatus": [_target_of(step) for step in of_targets(steps, source_id)]}
            for source_id in source_ids
        ],
    }


def _target_of(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "id": step.target_id,
        "status": _STATUSES[State(step.state)],
        "errString": step.error,
        "finishedAt": format_iso(step.gone_at) if step.gone_at else "",
    }


def suppressed_of(found: Sequence[Suppression]) -> list[dict[str, Any]]:
    """Ids of one type that follow each other stand together."""
    return [
        {"subjectType": subject_type, "subjectIds": [each.subject_id for each in group]}
        for subject_type, group in groupby(found, key=lambda each: each.subject_type)
    ]
