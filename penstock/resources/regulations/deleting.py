"""Carries deletions out, store by store. A kill at any point leaves rows from which the next process goes on.

Destinations are told in a loop of their own, a few people at a time: one that is slow holds up nothing here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

import msgspec
import structlog

from penstock.api.outbox import insert_changes, is_waiting
from penstock.api.unit import Roles
from penstock.infra.calls import CallError
from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.infra.faults import fault_point
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.resources.regulations.deletions import end_deletions, select_old
from penstock.resources.regulations.erasing import CALL_SECONDS, erase
from penstock.resources.regulations.folding import Published
from penstock.resources.regulations.repository import (
    Regulation,
    get_regulation,
    select_new_deletions,
    select_subjects,
    update_status,
)
from penstock.resources.regulations.steps import (
    DESTINATION,
    FUNCTION_LOGS,
    QUARANTINE,
    WAREHOUSE,
    State,
    Step,
    forwarded,
    history_ms,
    left_ms,
    plan,
    select_due,
    select_steps,
    status_of,
    update_step,
)
from penstock.resources.warehouses import select_left, select_names
from penstock.spec.calls import ForgetObjects, ForgetPeople, ForgetReport, ForwardDeletions, ForwardReport
from penstock.spec.function_logs import DropLogs, DroppedLogs
from penstock.spec.suppression import SubjectType

logger = structlog.get_logger(__name__)
ROUND_SECONDS = 1.0
FORGET_SECONDS = 4 * 3_600.0
"""A large file is written anew within this; a role that dies meanwhile is noticed at once."""
SUBJECTS_AT_ONCE = 5_000
"""A statement reads whole tables, whoever is meant: as few of them as can be."""
FORWARDED_AT_ONCE = 100
"""To one destination, a call for each."""
SUBJECT_BYTES_AT_ONCE = 256 << 10
TRIES = 30
"""Of one step: about a day."""
_LONGEST_WAIT_MS = 3_600_000
_AT_ONCE = 20


class Deleting:
    """One per installation."""

    def __init__(
        self, database: Database, roles: Roles, settings: Settings, clock: Clock, published: Published
    ) -> None:
        self._database = database
        self._roles = roles
        self._settings = settings
        self._clock = clock
        self._published = published

    async def run(self) -> None:
        """For ever."""
        await asyncio.gather(self._repeat(self.round), self._repeat(self.forward))

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except DATABASE_DOWN as error:
                logger.warning("Deletions wait for the next round.", reason=reason_of(error))
            await self._clock.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Plan what is new, try what is due here, and forget what is over."""
        async with self._database.reading() as connection:
            waiting = await select_new_deletions(connection, _AT_ONCE)
        for regulation in waiting:
            await self._begin(regulation)
        await self._carry_out(await self._due(is_outside=False))
        await self._carry_out(await self._due(is_outside=False))  # the warehouses of those whose quarantine is done now
        await self._end_old()

    async def _carry_out(self, due: list[Step]) -> None:
        """One after the other. A warehouse is written anew with the last of its steps; then all of them are done."""
        waiting: dict[str, list[Step]] = {}
        for number, step in enumerate(due):
            is_followed = step.store == WAREHOUSE and any(
                step.target_id == each.target_id for each in due[number + 1 :]
            )
            tried = await self._try(step, is_followed=is_followed)
            if is_followed and not tried.error:
                waiting.setdefault(step.target_id, []).append(tried)
            elif tried.state == State.DONE:
                for each in waiting.pop(step.target_id, ()):
                    await self._try(each, is_rewritten=True)

    async def forward(self) -> None:
        """Tell each destination that is due of the next few people, all at once."""
        due = await self._due(is_outside=True)
        for result in await asyncio.gather(*map(self._try, due), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _due(self, *, is_outside: bool) -> list[Step]:
        async with self._database.reading() as connection:
            return await select_due(connection, self._clock.now_ms(), _AT_ONCE, is_outside=is_outside)

    async def _begin(self, regulation: Regulation) -> None:
        """Once the data plane knows, so that nothing comes back behind us."""
        async with self._database.writing() as connection:
            if await is_waiting(connection, regulation.id):
                return
            await plan(connection, regulation, self._settings)
            await update_status(connection, regulation.id, "RUNNING", 0)
        await self._conclude(regulation)

    async def _try(self, step: Step, *, is_followed: bool = False, is_rewritten: bool = False) -> Step:
        """The step as it stands then. What is followed by another step for its warehouse leaves the end to that one."""
        async with self._database.reading() as connection:
            regulation = await get_regulation(connection, step.regulation_id)
            subject_ids = (await select_subjects(connection, [regulation]))[regulation.id]
        step = self._done(step) if is_rewritten else msgspec.structs.replace(step, error="")
        try:
            while step.state == State.PENDING and not step.error:
                step = await self._advance(regulation, step, subject_ids, is_followed=is_followed)
                await self._write(step)
                if step.store == DESTINATION or (is_followed and step.position == len(subject_ids)):
                    break
        except CallError as error:
            step = self._put_off(step, str(error))
        if step.error or is_rewritten:
            await self._write(step)
        await self._conclude(regulation)
        return step

    async def _advance(self, regulation: Regulation, step: Step, subject_ids: list[str], *, is_followed: bool) -> Step:
        """The next few people. Raises CallError."""
        if step.store == DESTINATION:
            return await self._forward(regulation, step, subject_ids)
        if step.store == FUNCTION_LOGS:
            dropped = await self._roles.ask(
                DropLogs(regulation.workspace_id), DroppedLogs, deadline_seconds=CALL_SECONDS
            )
            return self._done(msgspec.structs.replace(step, row_count=dropped.count))
        chosen = _some(subject_ids, step.position, SUBJECTS_AT_ONCE)
        position = step.position + len(chosen)
        if step.store == QUARANTINE:
            async with self._database.reading() as connection:
                warehouses = [each for each, _ in await select_names(connection, regulation.workspace_id)]
            rows = await erase(self._roles, regulation, chosen, self._clock.now_ms() + 1, warehouses)
        else:
            is_last = position == len(subject_ids) and not is_followed
            has_left = await self._has_left(step.target_id, regulation.workspace_id)
            asked = _forget(regulation, step.target_id, chosen, is_last=is_last, has_left=has_left)
            report = await self._roles.ask(asked, ForgetReport, deadline_seconds=FORGET_SECONDS)
            if report.error:
                return self._put_off(step, report.error)
            if not has_left and await self._has_left(step.target_id, regulation.workspace_id):
                return step  # it was let go meanwhile, or got another file: once more, where it was
            rows = sum(report.rows.values())
        fault_point("regulations.erased")
        done = msgspec.structs.replace(step, row_count=step.row_count + rows, position=position, attempts=0)
        return done if position < len(subject_ids) or is_followed else self._done(done)

    async def _has_left(self, warehouse_id: str, workspace_id: str) -> bool:
        """Whether a file of the warehouse may stand where it loads no more."""
        async with self._database.reading() as connection:
            return warehouse_id in dict(await select_left(connection, workspace_id))

    def _done(self, step: Step) -> Step:
        gone_at = self._clock.now_ms() + left_ms(step, self._settings)
        return msgspec.structs.replace(step, state=State.DONE, gone_at=gone_at)

    async def _forward(self, regulation: Regulation, step: Step, subject_ids: list[str]) -> Step:
        """Those whom the destination refuses are passed over, and told at the end."""
        chosen = _some(subject_ids, step.position, FORWARDED_AT_ONCE)
        asked = ForwardDeletions(step.target_id, chosen, regulation.created_at)
        report = await self._roles.ask(asked, ForwardReport, deadline_seconds=CALL_SECONDS)
        fault_point("regulations.forwarded")
        told = report.taken + report.refused
        step = msgspec.structs.replace(
            step,
            row_count=step.row_count + report.taken,
            position=step.position + told,
            attempts=0 if told else step.attempts,
            method=forwarded(report.without_handler) if told else step.method,
        )
        if not report.is_supported:
            return msgspec.structs.replace(step, state=State.NOT_SUPPORTED, method="", error=report.error)
        if report.error:
            return self._put_off(step, report.error)
        if step.position < len(subject_ids):
            return step
        refused = step.position - step.row_count
        return msgspec.structs.replace(
            step,
            state=State.FAILED if refused else State.DONE,
            error=f"{refused} of {step.position} were refused; {report.refusal}".strip("; ") if refused else "",
            gone_at=self._clock.now_ms(),
        )

    def _put_off(self, step: Step, reason: str) -> Step:
        logger.warning("A deletion waits.", store=step.store, target=step.target_id, reason=reason)
        attempts = step.attempts + 1
        wait = min(_LONGEST_WAIT_MS, 1_000 * 2**attempts)
        state = State.FAILED if attempts >= TRIES else State.PENDING
        return msgspec.structs.replace(
            step, error=reason, attempts=attempts, state=state, next_at=self._clock.now_ms() + wait
        )

    async def _write(self, step: Step) -> None:
        async with self._database.writing() as connection:
            await update_step(connection, step)

    async def _conclude(self, regulation: Regulation) -> None:
        async with self._database.writing() as connection:
            status = status_of(await select_steps(connection, regulation.id))
            if status != "RUNNING":
                await update_status(connection, regulation.id, status, self._clock.now_ms())

    async def _end_old(self) -> None:
        async with self._database.reading() as connection:
            old = await select_old(connection, self._clock.now_ms() - history_ms(self._settings))
        if old:
            async with self._database.writing() as connection:
                number = await insert_changes(connection, await end_deletions(connection, old))
            await self._published(number)


def _forget(
    regulation: Regulation, warehouse_id: str, subject_ids: list[str], *, is_last: bool, has_left: bool
) -> ForgetPeople | ForgetObjects:
    if regulation.subject_type != SubjectType.OBJECT_ID:
        return ForgetPeople(warehouse_id, subject_ids, regulation.source_id, is_last, has_left)
    collection = regulation.collection.lower()
    return ForgetObjects(warehouse_id, subject_ids, regulation.source_id, collection, is_last, has_left)


def _some(subject_ids: list[str], position: int, limit: int) -> list[str]:
    """As many as one call takes, at least one."""
    chosen: list[str] = []
    size = 0
    for each in islice(subject_ids, position, position + limit):
        size += len(each.encode("utf-8", "surrogatepass"))
        if chosen and size > SUBJECT_BYTES_AT_ONCE:
            break
        chosen.append(each)
    return chosen
