import asyncio

import msgspec
import pytest

from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.kit.clock import ManualClock
from penstock.kit.sketch import Sketch
from penstock.pipeline.reports import FactReporter
from penstock.spec import facts, routed
from penstock.spec.routed import OutcomeCount, PeopleOfSource, RoutedHead, SourceRef, encode_routed

MINUTE = 31_559_640


@pytest.fixture
async def log(own_nats_server):
    connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(connected, 1)
    yield connected
    await connected.close()


def head(covers, count, minute=MINUTE):
    outcome = OutcomeCount(0, "SUCCESSFULLY_RECEIVED", "", "track", "E", count)
    return RoutedHead("w", covers, 0, 1, 1, [SourceRef("ws1", "s1")], [], [], [outcome], received_at=minute * 60_000)


async def append(log, reporter, covers, count, minute=MINUTE):
    told = head(covers, count, minute)
    sequence = await log.append(routed.subject(0), encode_routed(told, []))
    if reporter is not None:
        reporter.add(sequence, sequence, told, 0)
    return sequence


async def written(log):
    return [facts.decoder.head(message.payload) for message in await log.get_batch(facts.STREAM, 1)]


async def test_many_frames_become_one_fact_by_minute(log):
    reporter = FactReporter(log, 0, ManualClock())
    await reporter.report()
    for covers in range(1, 6):
        await append(log, reporter, covers, 10, MINUTE + covers // 5)
    await reporter.report()
    (fact,) = await written(log)
    assert (fact.role, fact.stream, fact.after, fact.to) == ("pipeline", "ROUTED-0", 0, 5)
    assert [(one.minute - MINUTE, one.count, one.source_id) for one in fact.outcomes] == [(0, 40, "s1"), (1, 10, "s1")]
    await reporter.report()
    assert len(await written(log)) == 1


async def test_what_was_not_told_is_read_from_the_log(log):
    await append(log, None, 1, 5)
    reporter = FactReporter(log, 0, ManualClock())
    reporter.stand_at(1)
    await reporter.report()
    await append(log, None, 2, 7)
    await append(log, reporter, 3, 9)
    await reporter.report()
    assert [(fact.after, fact.to, sum(one.count for one in fact.outcomes)) for fact in await written(log)] == [
        (0, 1, 5),
        (1, 3, 16),
    ]


async def test_a_write_that_was_cut_off_loses_no_count(log, monkeypatch):
    reporter = FactReporter(log, 0, ManualClock())
    await reporter.report()
    await append(log, reporter, 1, 5)
    real = log.append
    for is_stored in (False, True):

        async def cut(*args, is_stored=is_stored, **kwargs):
            if is_stored:
                await real(*args, **kwargs)
            raise asyncio.CancelledError

        monkeypatch.setattr(log, "append", cut)
        with pytest.raises(asyncio.CancelledError):
            await reporter.report()
        monkeypatch.undo()
        await reporter.report()
        await append(log, reporter, 2, 7)
    await reporter.report()
    told = await written(log)
    assert sum(one.count for fact in told for one in fact.outcomes) == 5 + 7 + 7
    assert [fact.after for fact in told] == [0, *(fact.to for fact in told[:-1])]


async def test_a_second_full_of_made_up_names_fits_into_one_fact(log):
    reporter = FactReporter(log, 0, ManualClock())
    await reporter.report()
    names = [(number, f"{number} " + "😀" * 250) for number in range(5_000)]
    outcomes = [OutcomeCount(number % 6, "SUCCESSFULLY_RECEIVED", "", "track", name, 1) for number, name in names]
    sources = [SourceRef("ws1", f"s{number}") for number in range(6)]
    told = msgspec.structs.replace(head(1, 0), sources=sources, outcomes=outcomes)
    sequence = await log.append(routed.subject(0), encode_routed(head(1, 0), []))
    reporter.add(sequence, sequence, told, 0)
    await reporter.report()
    (fact,) = await written(log)
    assert 4_000 < len(fact.outcomes) <= 4_006
    assert fact.outcomes[-1].event_name == "other"
    assert sum(one.count for one in fact.outcomes) == 5_000


async def test_facts_are_written_once_a_second_at_most(log):
    clock = ManualClock()
    reporter = FactReporter(log, 0, clock)
    running = asyncio.create_task(reporter.run())

    async def wait_for_facts(number):
        async with asyncio.timeout(30):
            while len(await written(log)) < number:
                await asyncio.sleep(0.01)

    await append(log, reporter, 1, 1)
    await wait_for_facts(1)
    await append(log, reporter, 2, 1)
    await append(log, reporter, 3, 1)
    assert len(await written(log)) == 1
    clock.advance(1.0)
    await wait_for_facts(2)
    assert [fact.to for fact in await written(log)] == [1, 3]
    running.cancel()


async def test_a_source_has_a_thousand_names_a_day_and_the_rest_are_other(log):
    reporter = FactReporter(log, 0, ManualClock())
    await reporter.report()

    async def counted(names, minute):
        outcomes = [OutcomeCount(0, "SUCCESSFULLY_RECEIVED", "", "track", name, 1) for name in names]
        told = msgspec.structs.replace(head(1, 0, minute), outcomes=outcomes)
        sequence = await log.append(routed.subject(0), encode_routed(told, []))
        reporter.add(sequence, sequence, told, 0)
        await reporter.report()
        return {one.event_name: one.count for one in (await written(log))[-1].outcomes}

    assert await counted(["n0", "of ada@mail.example"], MINUTE) == {"n0": 1, "other": 1}, "a person's is told nobody"
    first = await counted([f"n{number}" for number in range(1_010)], MINUTE)
    assert (len(first), first["other"]) == (1_001, 10)
    assert await counted(["n5", "n1009", "new"], MINUTE) == {"n5": 1, "other": 2}
    assert await counted(["new"], MINUTE + 24 * 60) == {"new": 1}


async def test_usage_is_told_by_source_and_day_and_replays_are_none(log):
    reporter = FactReporter(log, 0, ManualClock())
    await reporter.report()
    outcomes = [
        OutcomeCount(0, "SUCCESSFULLY_RECEIVED", "", "track", "E", 5),
        OutcomeCount(0, "FILTERED_AT_SOURCE", "unplanned", "track", "E", 2),
        OutcomeCount(0, "FAILED_ON_INGEST", "unknown_type", "", "", 7),
    ]
    people = [PeopleOfSource(0, b"u" * 8, b"a" * 8, b"t" * 8)]
    for lap in ("", "", "lap"):
        told = msgspec.structs.replace(head(1, 0), outcomes=outcomes, people=people, lap=lap)
        sequence = await log.append(routed.subject(0), encode_routed(told, []))
        reporter.add(sequence, sequence, told, 0)
    await reporter.report()
    (fact,) = await written(log)
    (usage,) = fact.usage
    assert (usage.workspace_id, usage.source_id, usage.day, usage.calls) == ("ws1", "s1", MINUTE // 1_440, 6)
    sketches = (usage.users, usage.anonymous, usage.tied)
    assert [Sketch.decode(each).count() for each in sketches] == [1, 2, 1]


async def test_what_is_read_from_the_log_has_the_same_usage(log):
    told = msgspec.structs.replace(head(1, 3), people=[PeopleOfSource(0, b"u" * 8, b"", b"")])
    sequence = await log.append(routed.subject(0), encode_routed(told, []))
    reporter = FactReporter(log, 0, ManualClock())
    reporter.stand_at(sequence)
    await reporter.report()
    (fact,) = await written(log)
    assert (fact.usage[0].calls, Sketch.decode(fact.usage[0].users).count()) == (3, 1)
