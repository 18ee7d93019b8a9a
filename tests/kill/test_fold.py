"""The fold killed at random moments under load: every count is exact, to the unit, and everybody was seen once.

`PENSTOCK_KILL_SEED` repeats a run.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from penstock.infra.db import Database, sqlite_url
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.migrations import upgrade
from penstock.kit.clock import SystemClock
from penstock.kit.sketch import Sketch
from penstock.pipeline.judging.people import People, unsalted
from penstock.pipeline.reports import FactReporter
from penstock.resources.delivery_overview import select_totals, select_watermarks
from penstock.resources.delivery_overview.series import Wanted, select_latencies
from penstock.resources.delivery_overview.timeframe import Timeframe
from penstock.resources.schema.inventory import decode_properties
from penstock.resources.schema.repository import select_events
from penstock.resources.usage import select_usage
from penstock.resources.violations.repository import select_violations
from penstock.spec import delivery, facts, routed
from penstock.spec.facts import CountedLatency, CountedOutcome
from penstock.spec.findings import SeenShape, ViolationCount, encode_findings
from penstock.spec.routed import OutcomeCount, RoutedHead, SourceRef, encode_routed

SEED = int(os.environ.get("PENSTOCK_KILL_SEED", "20261126"))
KILLS = 12
BY = ("source_id", "destination_id", "outcome", "reason", "event_name", "app_version")
RECEIVED, BLOCKED, DELIVERED = "SUCCESSFULLY_RECEIVED", "FILTERED_AT_SOURCE", "SUCCESSFUL_DELIVERY"
NOW_MS = 1_893_578_401_250
DAY_MS = 86_400_000


class Load:
    """What the data plane would write, many times faster than it does; and what it must come to."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._random = random.Random(SEED)
        self._reporter = FactReporter(log, 0, SystemClock())
        self._sequence = self._settlings = 0
        self.is_ending = False
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.calls: Counter[str] = Counter()
        self.latencies: Counter[int] = Counter()
        self.seen: Counter[tuple[str, str, str]] = Counter()
        """By source, name and property, the empty one for the events themselves."""
        self.violations: Counter[tuple[str, str, str]] = Counter()
        self.users: dict[str, set[str]] = {"a": set(), "b": set()}

    async def run(self) -> None:
        while not self.is_ending:
            for _ in range(self._random.randint(1, 5)):
                await self._route()
            await self._settle()
            if self._random.random() < 0.1:
                # The engine too begins anew, and reads what it had not told.
                self._reporter = FactReporter(self._log, 0, SystemClock())
                self._reporter.stand_at(self._sequence)
            await self._reporter.report()
            await asyncio.sleep(0.01)

    async def _route(self) -> None:
        people, outcomes, seen, violated = People(unsalted), [], [], []
        for number, source in enumerate("ab"):
            received, blocked = self._random.randint(1, 50), self._random.randint(0, 1)
            name, version = f"E{self._random.randint(1, 4)}", self._random.choice(("", "1.0"))
            outcomes.append(OutcomeCount(number, RECEIVED, "", "track", name, received, version))
            outcomes.append(OutcomeCount(number, BLOCKED, "unplanned", "track", name, blocked, version))
            self.counts[source, "", RECEIVED, "", name, version] += received
            self.counts[source, "", BLOCKED, "unplanned", name, version] += blocked
            self.calls[source] += received - blocked
            having = self._random.randint(0, received)
            shapes = ((["p"], having, [(bytes(1), 1)]), ([], received - having, [(b"", 1)]))
            seen += [SeenShape(number, "track", name, size, names, 1, kinds, []) for names, size, kinds in shapes]
            self.seen[source, name, ""] += received
            self.seen[source, name, "p"] += having
            about = ("track", name, "TRACK", name, 1.0, "properties.p", "Required")
            violated.append(ViolationCount(number, *about, blocked, [("m", "properties.p is required")]))
            self.violations[source, name, "properties.p"] += blocked
            for _ in range(3):
                user = f"u{self._random.randint(1, 1_000)}"
                people.add(number, user, None)
                self.users[source].add(user)
        sources = [SourceRef("w", "a"), SourceRef("w", "b")]
        told = {"people": people.counted(), "findings": encode_findings(seen, violated)}
        head = RoutedHead("e", 1, 0, 1, 1, sources, [], [], outcomes, received_at=NOW_MS, **told)
        self._sequence = await self._log.append(routed.subject(0), encode_routed(head, []))
        self._reporter.add(self._sequence, self._sequence, head, NOW_MS)

    async def _settle(self) -> None:
        number = self._random.randint(1, 9)
        ending = ("s", DELIVERED, "successes.attempt.1", "track", "E1")
        counted = CountedOutcome("w", "a", "d", *ending, 1, number, app_version="1.0")
        self.counts["a", "d", DELIVERED, "successes.attempt.1", "E1", "1.0"] += number
        self._settlings += 1
        bucket = self._random.randint(20, 30)
        self.latencies[bucket] += number
        measured = CountedLatency("w", "a", "d", 1, bucket, number)
        head = delivery.SettledHead("e", self._settlings, 0, 0, [], [], [], [], [counted], 0, [measured])
        await self._log.append(delivery.settled_subject(0), delivery.encode_settled(head))


@pytest.fixture
async def log(own_nats_server):
    connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(connected, 1)
    yield connected
    await connected.close()


class Folds:
    """One fold after the other, each killed."""

    def __init__(self, process):
        self._process = process

    @classmethod
    async def open(cls, server, url):
        script = str(Path(__file__).with_name("folding.py"))
        pipe = asyncio.subprocess.PIPE
        arguments = (sys.executable, script, server.url, server.token, url)
        return cls(await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe))

    async def start(self):
        """The process id of one that folds."""
        self._process.stdin.write(b"again\n")
        return int(await self._process.stdout.readline())

    async def kill(self, process_id):
        os.kill(process_id, signal.SIGKILL)
        assert await self._process.stdout.readline() == b"gone\n"

    async def close(self):
        self._process.stdin.close()
        await self._process.wait()


async def folded_to(database):
    async with database.reading() as connection:
        return {name: mark.sequence for name, mark in (await select_watermarks(connection)).items()}


async def wait_for_progress(database, before):
    async with asyncio.timeout(120):
        while (await folded_to(database)).get(facts.STREAM, 0) <= sum(before):
            await asyncio.sleep(0.01)


async def seen_in(connection):
    """As the load counts it; what all days come to is what the one day has."""
    found: Counter[tuple[str, str, str]] = Counter()
    for source in "ab":
        events = await select_events(connection, "w", source)
        assert [(each.event_name, each.count) for each in events] == [
            (each.event_name, each.count) for each in await select_events(connection, "w", source, NOW_MS // DAY_MS)
        ]
        for event in events:
            found[source, event.event_name, ""] = event.count
            for path, known in decode_properties(event.properties).items():
                found[source, event.event_name, path] = known.count
    return +found


async def test_counts_equal_what_was_sent_to_the_unit(own_nats_server, log, tmp_path, report):
    url = sqlite_url(tmp_path / "control.sqlite")
    upgrade(url)
    database, load, chosen = Database(url), Load(log), random.Random(SEED)
    folds = await Folds.open(own_nats_server, url)
    loading = asyncio.create_task(load.run())
    folded: list[int] = []
    for _ in range(KILLS):
        process_id = await folds.start()
        if chosen.random() < 0.7:
            await wait_for_progress(database, folded[-1:])
        await asyncio.sleep(chosen.uniform(0.0, 0.1))
        await folds.kill(process_id)
        folded.append((await folded_to(database)).get(facts.STREAM, 0))
    load.is_ending = True
    await loading
    ends = {stream: (await log.state(stream)).last for stream in (facts.STREAM, delivery.stream_name(0))}
    process_id = await folds.start()
    async with asyncio.timeout(120):
        while not ends.items() <= (await folded_to(database)).items():
            await asyncio.sleep(0.05)
    await folds.kill(process_id)
    await folds.close()
    async with database.reading() as connection:
        totals = {tuple(row[name] for name in BY): row["count"] for row in await select_totals(connection, "w", BY, {})}
        latencies = await select_latencies(connection, Wanted("w", (), Timeframe(0, 2, 1)))
        usage = await select_usage(connection, "w", 0, NOW_MS // 86_400_000)
        violations, _ = await select_violations(connection, "w", range(1 << 30), {}, 1_000)
        seen = await seen_in(connection)
    await database.close()
    report.append(
        f"seed {SEED}: {sum(load.counts.values())} events, killed after facts {folded} of {ends[facts.STREAM]}"
    )
    assert len(set(folded)) > KILLS // 3
    assert totals == {key: number for key, number in load.counts.items() if key in totals or number}
    assert latencies == load.latencies
    assert seen == +load.seen
    assert +Counter({(one.source_id, one.event_name, one.field): one.count for one in violations}) == +load.violations
    assert {each.source_id: each.calls for each in usage} == load.calls
    assert {each.source_id: Sketch.decode(each.users).count() for each in usage} == {
        source: len(users) for source, users in load.users.items()
    }
