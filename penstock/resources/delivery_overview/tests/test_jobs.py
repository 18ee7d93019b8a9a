import asyncio

import pytest

from penstock.infra.db import Database, sqlite_url
from penstock.infra.migrations import upgrade
from penstock.kit.clock import ManualClock
from penstock.resources.delivery_overview import forget_old_counts, select_totals
from penstock.resources.delivery_overview.jobs import KEPT_DAYS, ROUND_SECONDS, forget_before
from penstock.resources.delivery_overview.repository import add_counts
from penstock.spec.facts import CountedOutcome

DAY = 24 * 60


@pytest.fixture
async def database(tmp_path):
    url = sqlite_url(tmp_path / "control.sqlite")
    upgrade(url)
    opened = Database(url)
    yield opened
    await opened.close()


async def count(database, *minutes):
    async with database.writing() as connection:
        made = [
            CountedOutcome("w", "s", "d", "u", "SUCCESSFUL_DELIVERY", "", "track", "E", each, 1, 0) for each in minutes
        ]
        await add_counts(connection, made)


async def minutes(database):
    async with database.reading() as connection:
        return [row["minute"] for row in await select_totals(connection, "w", ["minute"], {})]


async def test_all_that_is_older_goes_however_much_it_is_and_the_rest_stays(database):
    await count(database, *range(1200))
    assert await forget_before(database, 1100) == 1100
    assert await minutes(database) == list(range(1100, 1200))
    assert await forget_before(database, 1100) == 0


async def test_the_job_forgets_by_the_clock_and_again_what_comes_late(database):
    clock = ManualClock()
    now = clock.now_ms() // 60_000
    await count(database, now - KEPT_DAYS * DAY - 1, now - KEPT_DAYS * DAY + 90, now)
    job = asyncio.create_task(forget_old_counts(database, clock))
    try:
        await until(lambda: minutes(database), [now - KEPT_DAYS * DAY + 90, now])
        await count(database, now - KEPT_DAYS * DAY - 5)
        clock.advance(ROUND_SECONDS + 1)
        await until(lambda: minutes(database), [now - KEPT_DAYS * DAY + 90, now])
        clock.advance(ROUND_SECONDS + 1)
        await until(lambda: minutes(database), [now])
    finally:
        job.cancel()


async def until(find, wanted):
    async with asyncio.timeout(10):
        while await find() != wanted:
            await asyncio.sleep(0.01)
