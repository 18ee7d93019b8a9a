import asyncio

import pytest

from penstock.infra.log import StreamSpec
from penstock.kit.clock import SystemClock
from penstock.resources.delivery_overview import Fold, select_totals, select_watermarks
from penstock.resources.delivery_overview.fold import Report
from penstock.resources.delivery_overview.repository import LATENCIES, OUTCOMES, add_counts, add_latencies
from penstock.resources.delivery_overview.series import Wanted, select_latencies
from penstock.resources.delivery_overview.timeframe import Timeframe
from penstock.spec import delivery, facts
from penstock.spec.facts import CountedLatency, CountedOutcome, FactHead, encode_fact
from penstock.spec.streams import streams


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


async def test_latencies_are_added_by_destination_minute_and_bucket(database):
    fold = Fold(database, None, SystemClock())
    told = [CountedLatency("w", "s", "d", 1, 40, 2), CountedLatency("w", "s", "d", 1, 44, 1)]
    await apply(database, fold, Report("a", -1, 1, 1, [], latencies=told))
    more = [CountedLatency("w", "s", "d", 1, 40, 5), CountedLatency("w", "s", "e", 1, 40, 7)]
    await apply(database, fold, Report("a", -1, 2, 2, [], latencies=more))
    assert await latencies(database) == {40: 7, 44: 1}


async def latencies(database, end=10_000):
    wanted = Wanted("w", (), Timeframe(0, end, 1), {"destination_id": ["d"]})
    async with database.reading() as connection:
        return await select_latencies(connection, wanted)


class TestCondensing:
    async def test_minutes_become_their_hour_and_nothing_is_lost(self, database):
        await add(database, [outcome(number, minute=number, retries=1) for number in range(1, 150)])
        await add(database, [outcome(1_000, minute=60)])
        before = sum(each["count"] for each in await totals(database))
        assert await OUTCOMES.condense(database, 125) == 59 + 59
        rows = await totals(database, ("minute",))
        assert [(each["minute"], each["count"]) for each in rows[:2]] == [
            (0, sum(range(60))),
            (60, sum(range(60, 120)) + 1_000),
        ]
        assert [each["minute"] for each in rows[2:]] == list(range(120, 150)), "the hour at hand stays as it is"
        assert sum(each["count"] for each in rows) == before
        assert sum(each["retries"] for each in rows) == 149
        assert await OUTCOMES.condense(database, 125) == 0

    async def test_what_comes_late_joins_its_hour_at_the_next_round(self, database):
        await add(database, [outcome(1, minute=5), outcome(2, minute=65)])
        await OUTCOMES.condense(database, 120)
        await add(database, [outcome(4, minute=6)])
        assert await OUTCOMES.condense(database, 120) == 1
        assert [(each["minute"], each["count"]) for each in await totals(database, ("minute",))] == [(0, 5), (60, 2)]

    async def test_two_that_condense_while_the_fold_counts_lose_nothing(self, database):
        many = [outcome(1, reason=f"R{number % 7}", minute=number) for number in range(1_200)]
        await add(database, many)
        late = [many[start : start + 100] for start in range(0, 1_200, 100)]
        await asyncio.gather(
            OUTCOMES.condense(database, 1_200),
            OUTCOMES.condense(database, 1_200),
            *(add(database, part) for part in late),
        )
        await OUTCOMES.condense(database, 1_200)
        rows = await totals(database, ("minute", "reason"))
        assert sum(each["count"] for each in rows) == 2_400
        assert {each["minute"] % 60 for each in rows} == {0}

    async def test_latencies_are_condensed_alike(self, database):
        async with database.writing() as connection:
            await add_latencies(connection, [CountedLatency("w", "s", "d", minute, 40, 2) for minute in range(120)])
        assert await LATENCIES.condense(database, 120) == 118
        assert await latencies(database, 60) == {40: 120}


async def add(database, outcomes):
    async with database.writing() as connection:
        await add_counts(connection, outcomes)


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


@pytest.mark.one_database  # the streams are those of the whole session
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
        async with asyncio.timeout(30):
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
    async with asyncio.timeout(60):
        while sum(row["count"] for row in await totals(database)) != count:
            await asyncio.sleep(0.02)
