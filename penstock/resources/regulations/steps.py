"""What a deletion does in each store: planned once, done one by one, and told as the receipt."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.kit.settings import Settings
from penstock.resources.catalog import destination_entry
from penstock.resources.destinations import Destination, select_destinations_of
from penstock.resources.regulations.repository import FORWARDED, Regulation
from penstock.resources.regulations.table import regulation_steps as rows
from penstock.resources.sources import select_ids_of_workspace
from penstock.resources.warehouses import select_left, select_names
from penstock.spec.stores import REGISTER, STREAM_STORES, UNREAD_HOURS, Keeps, Store
from penstock.spec.suppression import SubjectType

QUARANTINE, WAREHOUSE, DESTINATION = "quarantine", "warehouse", "destination"
FUNCTION_LOGS = "function logs"
_HOUR_MS = 3_600_000
LOG_ENGINE, EMBEDDED_WAREHOUSE = "log engine", "embedded warehouse"
_ELSEWHERE = {
    LOG_ENGINE: "each of its streams has a line of its own",
    EMBEDDED_WAREHOUSE: "a warehouse, which has a line of its own where the regulation reaches warehouses",
}
"""They are told as what they hold is told."""
_BESIDE = {"retry": "quarantine"}
"""Whose bytes may stand in a block of the log engine for as long as those of the other keep it there."""
_KEPT = {"control database": "keeps this regulation, and salted hashes by which the people of a day are counted"}
_ROWS_ARE_DELETED = "rows are deleted, and events before them of an anonymous id that nobody else has"
_IN_LEFT_FILES = "; of a warehouse that was deleted, in what is still there of its files"
_EVENTS_ARE_ERASED = "events of the user and of an anonymous id that nobody else has are erased; others expire"
_ERASED = {
    SubjectType.USER_ID: _EVENTS_ARE_ERASED,
    SubjectType.ANONYMOUS_ID: "events of the anonymous id are erased",
    SubjectType.OBJECT_ID: "requests that name them are erased",
}
_FORWARDED = "the deletion is forwarded"
_NO_HANDLER = "this destination takes no deletions"
_STREAMS = frozenset(store.name for store in STREAM_STORES)
_SECONDS_MS = {"hours": _HOUR_MS, "seconds": 1_000}


class State(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    KEPT = "KEPT"
    """Nothing of an event, and told for that reason."""


class Step(msgspec.Struct, frozen=True):
    """One row."""

    regulation_id: str
    store: str
    target_id: str = ""
    source_id: str = ""
    name: str = ""
    method: str = ""
    state: str = State.PENDING
    row_count: int = 0
    position: int = 0
    error: str = ""
    attempts: int = 0
    next_at: int = 0
    gone_at: int = 0


async def plan(connection: AsyncConnection, regulation: Regulation, settings: Settings) -> None:
    """Write down what is to be done; what needs no doing is done."""
    planned = [_of_store(regulation, store, settings) for store in REGISTER if store.keeps in (Keeps.EVENTS, Keeps.IDS)]
    if regulation.type in FORWARDED:
        planned += await _of_targets(connection, regulation)
    await connection.execute(insert(rows), [msgspec.structs.asdict(each) for each in planned])


async def _of_targets(connection: AsyncConnection, regulation: Regulation) -> list[Step]:
    """One for each warehouse of the workspace, and for each destination of the sources that are meant."""
    workspace_id, regulation_id = regulation.workspace_id, regulation.id
    is_of_objects = regulation.subject_type == SubjectType.OBJECT_ID
    rows_are_deleted = "rows are deleted" if is_of_objects else _ROWS_ARE_DELETED
    planned = [
        Step(regulation_id, WAREHOUSE, warehouse_id, name=name, method=rows_are_deleted)
        for warehouse_id, name in await select_names(connection, workspace_id)
    ]
    known = {step.target_id for step in planned}
    planned += [
        Step(regulation_id, WAREHOUSE, warehouse_id, name=name, method=f"{rows_are_deleted}{_IN_LEFT_FILES}")
        for warehouse_id, name in await select_left(connection, workspace_id)
        if warehouse_id not in known
    ]
    if is_of_objects:
        return planned  # no destination has ever seen an object
    source_ids = [regulation.source_id] if regulation.source_id else []
    for source_id in source_ids or await select_ids_of_workspace(connection, workspace_id):
        destinations = await select_destinations_of(connection, workspace_id, source_id)
        planned += [_of_destination(regulation_id, each) for each in destinations]
    return planned


def _of_destination(regulation_id: str, destination: Destination) -> Step:
    """The catalog says whether official code takes deletions; of a function the engine finds out."""
    step = Step(regulation_id, DESTINATION, destination.id, destination.source_id, destination.name)
    entry = destination_entry(destination.metadata_id)
    step = msgspec.structs.replace(step, name=destination.name or (entry.name if entry else ""))
    if entry is not None and not entry.takes_deletions:
        return msgspec.structs.replace(step, state=State.NOT_SUPPORTED, error=_NO_HANDLER)
    return msgspec.structs.replace(step, method=forwarded())


def forwarded(without_handler: Sequence[str] = ()) -> str:
    """Where functions on the way may have changed ids of events, that the deletion went past them."""
    return (
        f"{_FORWARDED}; without an onDelete, so past it: {', '.join(without_handler)}"
        if without_handler
        else _FORWARDED
    )


def _of_store(regulation: Regulation, store: Store, settings: Settings) -> Step:
    if store.name == QUARANTINE:
        return Step(regulation.id, store.name, method=_ERASED[SubjectType(regulation.subject_type)])
    if store.name == FUNCTION_LOGS:
        return Step(regulation.id, store.name, method="all lines of the workspace are dropped")
    if (elsewhere := _ELSEWHERE.get(store.name)) is not None:
        return Step(regulation.id, store.name, method=elsewhere, state=State.DONE)
    if (reason := _KEPT.get(store.name)) is not None:
        return Step(regulation.id, store.name, method=reason, state=State.KEPT)
    if (kept := gone_ms(store, settings)) is None:
        error = f"nobody knows how this store forgets: {store.forgets}"
        return Step(regulation.id, store.name, state=State.FAILED, error=error)
    gone_at = regulation.created_at + kept
    return Step(regulation.id, store.name, method="is not read any more; expires", state=State.DONE, gone_at=gone_at)


def left_ms(step: Step, settings: Settings) -> int:
    """How long after it is done a store may hold what cannot be told apart: events with an anonymous id alone."""
    if step.method != _EVENTS_ARE_ERASED:
        return 0
    return gone_ms(store_named(step.store), settings) or 0


def gone_ms(store: Store, settings: Settings) -> int | None:
    """How long after something came its last byte may be there, while the installation runs; None as of `kept_ms`."""
    if (kept := kept_ms(store, settings)) is None:
        return None
    if store.name == "routed":  # a destination may be behind
        kept = max(kept, round((max(settings.routed_hours, settings.max_lag_hours) + UNREAD_HOURS) * _HOUR_MS))
    if (beside := _BESIDE.get(store.name)) is not None:
        kept = max(kept, kept_ms(store_named(beside), settings) or 0)
    return kept + round(store.lingering_hours * _HOUR_MS)


def store_named(name: str) -> Store:
    (store,) = (each for each in REGISTER if each.name == name)
    return store


def kept_ms(store: Store, settings: Settings) -> int | None:
    """How long a store keeps what comes; None where no setting says it."""
    value = getattr(settings, store.until, None)
    unit = _SECONDS_MS.get(store.until.rpartition("_")[2])
    return None if value is None or unit is None else round(value * unit)


def history_ms(settings: Settings) -> int:
    """After this long there is nothing left of what came before, and a reader that is behind has been left behind."""
    kept = [kept_ms(store, settings) or 0 for store in REGISTER]
    return max(kept) + round(settings.max_lag_hours * _HOUR_MS)


async def select_steps(connection: AsyncConnection, regulation_id: str) -> list[Step]:
    query = select(rows).where(rows.c.regulation_id == regulation_id)
    return [Step(*row) for row in await connection.execute(query.order_by(rows.c.store, rows.c.target_id))]


async def select_due(connection: AsyncConnection, now: int, limit: int, *, is_outside: bool) -> list[Step]:
    """Steps that are to be tried now, here or at destinations, those that have waited longest first."""
    place = rows.c.store == DESTINATION if is_outside else rows.c.store != DESTINATION
    query = select(rows).where(rows.c.state == State.PENDING, rows.c.next_at <= now, place)
    # Quarantine before warehouses: it is told by their rows which anonymous ids are a person's.
    quarantine = rows.alias()
    is_first = quarantine.c.regulation_id == rows.c.regulation_id, quarantine.c.store == QUARANTINE
    is_waiting = exists().where(*is_first, quarantine.c.state == State.PENDING)
    query = query.where((rows.c.store != WAREHOUSE) | ~is_waiting)
    ordered = query.order_by(rows.c.next_at, rows.c.store, rows.c.regulation_id).limit(limit)
    return [Step(*row) for row in await connection.execute(ordered)]


async def update_step(connection: AsyncConnection, step: Step) -> None:
    key = (
        rows.c.regulation_id == step.regulation_id,
        rows.c.store == step.store,
        rows.c.target_id == step.target_id,
    )
    await connection.execute(update(rows).where(*key).values(msgspec.structs.asdict(step)))


def status_of(steps: Iterable[Step]) -> str:
    """Of the whole regulation: what was deleted here counts, whatever could not be done elsewhere."""
    states = {step.state for step in steps}
    if State.PENDING in states:
        return "RUNNING"
    return "PARTIAL_SUCCESS" if states & {State.FAILED, State.NOT_SUPPORTED} else "FINISHED"


def told(steps: Sequence[Step]) -> list[Step]:
    """As the receipt tells them: what holds other stores is done when they are, and gone with the last of them."""
    streams = [each for each in steps if each.store in _STREAMS]
    warehouses = [each for each in steps if each.store == WAREHOUSE]
    held = {LOG_ENGINE: streams, EMBEDDED_WAREHOUSE: warehouses}
    return [_as(each, held[each.store]) if each.store in held else each for each in steps]


def _as(step: Step, held: Sequence[Step]) -> Step:
    """One of which nothing is deleted is kept."""
    if not held:
        return msgspec.structs.replace(step, state=State.KEPT)
    states = {each.state for each in held}
    state = next((state for state in (State.PENDING, State.FAILED) if state in states), State.DONE)
    gone_at = max(each.gone_at for each in held) if state == State.DONE else 0
    return msgspec.structs.replace(step, state=state, gone_at=gone_at)


def of_targets(steps: Sequence[Step], source_id: str) -> list[Step]:
    """What the contract tells for one stream: its destinations, and the warehouses."""
    return [step for step in steps if step.store == WAREHOUSE or (step.target_id and step.source_id == source_id)]
