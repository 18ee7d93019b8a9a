import asyncio

import pytest

from penstock.infra.db import Database, sqlite_url
from penstock.infra.log import StreamSpec
from penstock.infra.migrations import upgrade
from penstock.kit.clock import SystemClock
from penstock.resources.delivery_overview import Fold, select_totals, select_watermarks
from penstock.resources.delivery_overview.fold import Report
from penstock.spec import delivery, facts
from penstock.spec.facts import CountedOutcome, FactHead, encode_fact
from penstock.spec.streams import streams


@pytest.fixture
async def database(tmp_path):
    url = sqlite_url(tmp_path / "control.sqlite")
    upgrade(url)
    opened = Database(url)
    yield opened
    await opened.close()


def outcome(count, *, reason="", minute=1, retries=0, workspace="w"):
    return CountedOutcome(workspace, "s", "d", "u", "SUCCESSFUL_DELIVERY", reason, "track", "E", minute, count, retries)


async def totals(database, by=("reason",), **filters):
    async with database.reading() as connection:
        return await select_totals(connection, "w", by, filters)


async def apply(database, fold, *reports):
    async with database.writing() as connection:
        await fold.apply(connection, "STREAM", reports)


async def test_counts_are_added_by_everything_that_they_are_grouped_by(database):
    fold = Fold(database, None, SystemClock())
    await apply(database, fold, Report("a", -1, 1, 1, [outcome(2, retries=1), outcome(3), outcome(4, reason="X")]))
    await apply(database, fold, Report("a", -1, 2, 2, [outcome(5, retries=2), outcome(1, minute=2)]))
    assert await totals(database) == [
        {"reason": "", "count": 11, "retries": 3},
        {"reason": "X", "count": 4, "retries": 0},
    ]
    assert await totals(database, minute=2) == [{"reason": "", "count": 1, "retries": 0}]


async def test_another_workspace_is_not_seen(database):
    fold = Fold(database, None, SystemClock())
    await apply(database, fold, Report("a", -1, 1, 1, [outcome(2, workspace="other")]))
    assert await totals(database) == []


async def test_a_message_that_was_folded_is_not_folded_again(database):
    fold = Fold(database, None, SystemClock())
    report = Report("a", -1, 7, 7, [outcome(1)])
    await apply(database, fold, report, report)
    await apply(database, fold, report)
    assert (await totals(database))[0]["count"] == 1


async def test_a_fact_counts_only_where_it_joins(database):
    fold = Fold(database, None, SystemClock())
    joins = Report("facts.pipeline.0", 0, 10, 1, [outcome(1)])
    old = Report("facts.pipeline.0", 5, 10, 2, [outcome(100)])
    gap = Report("facts.pipeline.0", 11, 12, 3, [outcome(1000)])
    next_ = Report("facts.pipeline.0", 10, 20, 4, [outcome(2)])
    await apply(database, fold, joins, old)
    assert fold.alarms == {}
    await apply(database, fold, gap)
    assert "begins at 11" in fold.alarms["facts.pipeline.0"]
    await apply(database, fold, next_)
    assert (await totals(database))[0]["count"] == 3
    async with database.reading() as connection:
        watermarks = await select_watermarks(connection)
    assert (watermarks["facts.pipeline.0"].position, watermarks["STREAM"].sequence) == (20, 4)


async def apply_and_fail(database, fold):
    async with database.writing() as connection:
        await fold.apply(connection, "STREAM", [Report("a", -1, 1, 1, [outcome(1)])])
        raise RuntimeError


async def test_counters_and_watermark_change_together_or_not_at_all(database):
    fold = Fold(database, None, SystemClock())
    with pytest.raises(RuntimeError):
        await apply_and_fail(database, fold)
    await apply(database, fold, Report("a", -1, 1, 1, [outcome(1)]))
    assert (await totals(database))[0]["count"] == 1


async def test_a_thousand_kinds_of_outcome_are_folded_at_once(database):
    fold = Fold(database, None, SystemClock())
    many = [outcome(1, minute=minute) for minute in range(1200)]
    await apply(database, fold, Report("a", -1, 1, 1, many), Report("a", -1, 2, 2, many))
    assert (await totals(database))[0]["count"] == 2400


async def test_both_streams_are_followed_and_a_fold_begun_anew_goes_on_where_the_other_ended(database, log):
    for name, subjects in streams(1).items():
        await log.ensure_stream(StreamSpec(name, subjects, storage="memory"))
    await log.append(facts.subject("pipeline", 0), encode_fact(FactHead("pipeline", 0, "ROUTED-0", 0, 5, [outcome(1)])))
    await log.append(delivery.settled_subject(0), settled(1, [outcome(10)]))
    async with running(Fold(database, log, SystemClock())):
        await until(database, 11)
    await log.append(facts.subject("pipeline", 0), encode_fact(FactHead("pipeline", 0, "ROUTED-0", 5, 9, [outcome(2)])))
    await log.append(delivery.members_subject(0), b"no settling")
    await log.append(delivery.settled_subject(0), settled(2, [outcome(20)]))
    await log.append(facts.subject("pipeline", 0), b"no frame")
    fold = Fold(database, log, SystemClock())
    async with running(fold):
        await until(database, 33)
        async with asyncio.timeout(5):
            while not fold.alarms:
                await asyncio.sleep(0.01)
    assert "cannot be read" in fold.alarms["facts.pipeline.0"]


def settled(number, outcomes):
    values = {field: [] for field in delivery.SettledHead.__struct_fields__} | {
        "owner": "o",
        "number": number,
        "sequence": 0,
        "index": 0,
        "outcomes": outcomes,
        "written_at": 0,
    }
    return delivery.encode_settled(delivery.SettledHead(**values))


class running:
    def __init__(self, fold):
        self._fold = fold

    async def __aenter__(self):
        self._tasks = [
            asyncio.create_task(self._fold.follow_facts()),
            asyncio.create_task(self._fold.follow_settled(0)),
        ]

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def until(database, count):
    async with asyncio.timeout(10):
        while sum(row["count"] for row in await totals(database)) != count:
            await asyncio.sleep(0.02)
