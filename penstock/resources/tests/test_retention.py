import asyncio

import pytest

from penstock.api.retention import forget_before, forget_old
from penstock.resources.delivery_overview import KEPT, select_totals
from penstock.resources.delivery_overview.repository import add_counts
from penstock.resources.slices import kept
from penstock.spec.facts import CountedOutcome

DAY = 24 * 60
COUNTS = KEPT[0]


async def count(control, *minutes):
    outcomes = [
        CountedOutcome("w", "s", "d", "u", "SUCCESSFUL_DELIVERY", "", "track", "E", each, 1, 0) for each in minutes
    ]
    async with control.database.writing() as connection:
        await add_counts(connection, outcomes)


async def minutes(control):
    async with control.database.reading() as connection:
        return [row["minute"] for row in await select_totals(connection, "w", ["minute"], {})]


async def until(find, wanted, clock=None):
    """With a clock, time passes until it is so: a round that is over before the job sleeps again wakes nobody."""
    async with asyncio.timeout(60):
        while await find() != wanted:
            if clock is not None:
                clock.advance(60)
            await asyncio.sleep(0.01)


@pytest.fixture
async def job(control):
    running = asyncio.create_task(forget_old(control.database, control.clock, kept()))
    yield running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_what_grows_with_time_is_kept_as_long_as_is_stated():
    assert {"audit_events": 90, "outcome_counts": 31, "warehouse_syncs": 30}.items() <= {
        each.table.name: each.days for each in kept()
    }.items()


async def test_all_that_is_older_goes_however_much_it_is_and_the_rest_stays(control):
    await count(control, *range(1200))
    assert await forget_before(control.database, COUNTS, 1100) == 1100
    assert await minutes(control) == list(range(1100, 1200))
    assert await forget_before(control.database, COUNTS, 1100) == 0


async def test_the_job_forgets_by_the_clock_and_again_what_comes_late(control):
    now = control.clock.now_ms() // 60_000
    limit = now - COUNTS.days * DAY
    early = limit + 170 - (limit + 170) % 60
    await count(control, limit - 1, limit + 170, now)
    running = asyncio.create_task(forget_old(control.database, control.clock, kept()))
    try:
        await until(lambda: minutes(control), [early, now])
        await count(control, limit - 5)
        await until(lambda: minutes(control), [early, now], control.clock)
        await until(lambda: minutes(control), [now], control.clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_audit_events_are_told_for_ninety_days(control, job):
    async def told():
        return [each["resourceName"] for each in (await control.data("GET", "/audit-events"))["events"]]

    assert await told() == ["my-first-source"]
    control.clock.advance(89 * DAY * 60)
    await control.data("POST", "/sources", {"slug": "later", "metadataId": "iUM16Md8P2"})
    assert await told() == ["later", "my-first-source"]
    control.clock.advance(2 * DAY * 60)
    await until(told, ["later"], control.clock)


async def test_two_jobs_at_once_forget_each_row_once(control):
    await count(control, *range(1200))
    forgotten = await asyncio.gather(*(forget_before(control.database, COUNTS, 1200) for _ in range(2)))
    assert sum(forgotten) >= 1200
    assert await minutes(control) == []
