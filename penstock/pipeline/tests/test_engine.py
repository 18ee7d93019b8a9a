import asyncio
import shutil

import pytest

from penstock.infra.facts import read_facts
from penstock.infra.log import Log, LogTimeout
from penstock.infra.log.installation import ensure_streams
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.pipeline.dedupe import DedupeIndex, key_of
from penstock.pipeline.engine import PipelineEngine
from penstock.pipeline.recovery import ShardTaken
from penstock.spec import accepted, facts, routed
from penstock.spec.frame import FrameUnknown
from penstock.spec.snapshot import SnapshotKind
from penstock.spec.streams import SNAPSHOTS

DEADLINE = 10.0
DAY_MS = 86_400_000


def track(message_id, **changes):
    return {"type": "track", "event": "E", "userId": "u1", "messageId": message_id} | changes


class Installation:
    """The log, the configuration and one engine at a time, as the engine's process would hold them."""

    def __init__(self, log, tmp_path, build, shard, shards):
        self.log = log
        self.build = build
        self.shard = shard
        self.settings = Settings(data=str(tmp_path), shards=shards)
        self.number = 0
        self.view = None
        self.engine = None
        self.running = None

    async def open(self, *sources):
        await ensure_streams(self.log, self.settings.shards)
        store = SnapshotStore(await self.log.bucket(SNAPSHOTS))
        self.store = store
        for source in sources:
            await store.publish(SnapshotKind.SOURCE, source)
        self.view = await SnapshotView.open(self.log)

    def start(self, clock=None):
        self.engine = PipelineEngine(self.settings, self.log, self.view, clock or SystemClock(), self.shard)
        self.running = asyncio.create_task(self.engine.run())

    async def stop(self):
        self.engine.stop()
        await asyncio.wait_for(self.running, DEADLINE)

    async def kill(self):
        """As SIGKILL would: nothing is finished."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def accept(self, *events, writer="edge1", number=None, **changes):
        """Append one frame as an edge would; returns its sequence."""
        self.number = number or self.number + 1
        payload = self.build.frame(self.build.request(list(events), **changes), writer=writer, number=self.number)
        return await self.log.append(accepted.subject(self.shard, writer), payload)

    async def heads(self):
        stream, following, found = routed.stream_name(self.shard), 1, []
        while batch := await self.log.get_batch(stream, following):
            found += [routed.decoder.frame(message.payload)[0] for message in batch]
            following = batch[-1].sequence + 1
        return found

    async def routed_ids(self):
        return [row.message_id for head in await self.heads() for row in head.rows]

    async def covered(self, sequence):
        """Wait until the frame is answered in the log and in the index."""
        async with asyncio.timeout(DEADLINE):
            while self.engine.position.covers < sequence and not self.running.done():
                await asyncio.sleep(0.01)
        if self.running.done():
            self.running.result()


@pytest.fixture
async def make(own_nats_server, tmp_path, build):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    made = []

    async def make(*sources, shard=0, shards=1):
        installation = Installation(log, tmp_path, build, shard, shards)
        await installation.open(*(sources or (build.source(),)))
        made.append(installation)
        return installation

    yield make
    for installation in made:
        if installation.running is not None:
            await installation.kill()
        await installation.view.close()
    await log.close()


async def test_each_accepted_frame_is_answered_by_one_routed_frame(make):
    here = await make()
    here.start()
    for number in range(20):
        last = await here.accept(track(f"m{number}"), track("m0"))
    await here.covered(last)
    await here.stop()
    heads = await here.heads()
    assert [head.covers for head in heads] == list(range(1, 21))
    assert await here.routed_ids() == [f"m{number}" for number in range(20)]
    assert {head.writer for head in heads} == {here.engine.writer}
    assert not here.engine._claims._frames


async def test_an_engine_goes_on_where_the_log_says_and_remembers_ids(make):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a"), track("b")))
    await here.kill()
    last = await here.accept(track("b"), track("c"))
    here.start()
    await here.covered(last)
    assert await here.routed_ids() == ["a", "b", "c"]


async def test_a_lost_index_is_made_anew_from_the_heads(make, tmp_path):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    await here.covered(await here.accept(track("b")))
    await here.kill()
    shutil.rmtree(tmp_path / "dedupe")
    last = await here.accept(track("a"), track("b"), track("c"))
    here.start()
    await here.covered(last)
    assert await here.routed_ids() == ["a", "b", "c"]


async def test_an_index_that_is_behind_catches_up_with_the_heads_between(make, tmp_path):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    await here.kill()
    shutil.copytree(tmp_path / "dedupe", tmp_path / "old")
    here.start()
    await here.covered(await here.accept(track("b")))
    await here.kill()
    shutil.rmtree(tmp_path / "dedupe")
    shutil.copytree(tmp_path / "old", tmp_path / "dedupe")
    last = await here.accept(track("a"), track("b"), track("c"))
    here.start()
    await here.covered(last)
    assert await here.routed_ids() == ["a", "b", "c"]


async def test_an_index_of_another_log_is_not_believed(make, tmp_path):
    here = await make()
    index = DedupeIndex(tmp_path / "dedupe" / "0", 24)
    index.apply([key_of("", "ws1", "a")], 99, "another life")
    index.close()
    last = await here.accept(track("a"))
    here.start()
    await here.covered(last)
    assert await here.routed_ids() == ["a"]


async def test_the_position_as_the_only_message_left_eight_days_later_without_an_index(make, tmp_path):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    last = await here.accept(track("b"))
    await here.covered(last)
    await here.stop()
    await here.log.purge(routed.stream_name(0), below=2)
    await here.log.purge(accepted.stream_name(0), below=last + 1)
    shutil.rmtree(tmp_path / "dedupe")
    here.start(SystemClock(8 * DAY_MS))
    await here.covered(await here.accept(track("b"), track("c")))
    assert await here.routed_ids() == ["b", "c"]
    assert [head.covers for head in await here.heads()] == [2, 3]


async def test_an_engine_of_shard_one_of_two_reads_and_writes_its_own_streams_alone(make):
    here = await make(shard=1, shards=2)
    here.start()
    await here.covered(await here.accept(track("a")))
    await here.stop()
    assert await here.routed_ids() == ["a"]
    assert (await here.log.state(routed.stream_name(0))).messages == 0
    fact = await here.log.last(facts.STREAM, facts.subject("pipeline", 1))
    assert facts.decoder.head(fact.payload).stream == "ROUTED-1"


async def test_a_pipeline_that_is_held_judges_nothing_tells_why_and_goes_on_where_it_stood(make):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    here.engine.hold("the disk is low")
    last = await here.accept(track("b"))
    status = await here.engine.status()
    assert (status.state, status.reasons) == ("failing", ["the pipeline pauses: the disk is low"])
    assert status.lag == {"ACCEPTED-0": 1}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await here.covered(last)
    assert await here.routed_ids() == ["a"]
    here.engine.hold("")
    await here.covered(last)
    assert await here.routed_ids() == ["a", "b"]
    assert (await here.engine.status()).state == "ready"


async def test_a_pipeline_that_is_held_can_be_stopped(make):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    here.engine.hold("the disk is low")
    await here.accept(track("b"))
    await here.stop()
    assert await here.routed_ids() == ["a"]


async def test_an_engine_ends_when_another_one_owns_the_shard(make, build):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    last = await here.log.last(routed.stream_name(0), routed.subject(0))
    head = routed.decoder.head(last.payload)
    stranger = routed.RoutedHead("stranger", head.covers, 0, 1, 1, [], [], [], [])
    await here.log.append(routed.subject(0), routed.encode_routed(stranger, []))
    await here.accept(track("b"))
    with pytest.raises(ShardTaken, match="stranger"):
        await asyncio.wait_for(here.running, DEADLINE)
    assert await here.routed_ids() == ["a"]


async def test_a_lost_answer_costs_nothing_and_doubles_nothing(make, monkeypatch):
    here = await make()
    real, calls = here.log.append, []

    async def append(subject, payload, **kwargs):
        calls.append(subject)
        if len(calls) % 3 == 1:
            raise LogTimeout("not stored")
        sequence = await real(subject, payload, **kwargs)
        if len(calls) % 3 == 2:
            raise LogTimeout("stored, the answer is lost")
        return sequence

    frames = [await here.accept(track(f"m{number}"), track("again")) for number in range(6)]
    monkeypatch.setattr(here.log, "append", append)
    here.start()
    await here.covered(frames[-1])
    monkeypatch.undo()
    assert await here.routed_ids() == ["m0", "again", "m1", "m2", "m3", "m4", "m5"]
    assert [head.covers for head in await here.heads()] == frames


async def test_the_pipeline_survives_a_kill_of_the_log(make, own_nats_server):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a")))
    await own_nats_server.kill()
    await own_nats_server.start()
    await here.log.wait_connected(DEADLINE)
    await here.covered(await here.accept(track("a"), track("b")))
    assert await here.routed_ids() == ["a", "b"]


async def test_a_damaged_frame_is_answered_empty_and_the_stream_goes_on(make):
    here = await make()
    here.start()
    payload = bytearray(here.build.frame(here.build.request([track("a"), track("b")])))
    payload[-3] ^= 1
    await here.log.append(accepted.subject(0, "edge1"), bytes(payload))
    await here.log.append(accepted.subject(0, "edge1"), b"no frame at all")
    await here.covered(await here.accept(track("c")))
    heads = await here.heads()
    assert [[(one.reason, one.count) for one in head.outcomes] for head in heads] == [
        [("internal", 2)],
        [("internal", 1)],
        [("", 1)],
    ]
    assert (await here.engine.status()).counts["damaged"] == 2


async def test_a_frame_of_a_newer_release_is_not_passed_over(make):
    here = await make()
    here.start()
    payload = bytearray(here.build.frame(here.build.request([track("a")])))
    payload[4] = 9
    await here.log.append(accepted.subject(0, "edge1"), bytes(payload))
    with pytest.raises(FrameUnknown):
        await asyncio.wait_for(here.running, DEADLINE)
    assert await here.heads() == []


async def test_a_gap_in_a_writers_numbers_is_an_alarm_and_no_end(make):
    here = await make()
    here.start()
    for number in (1, 2, 4):
        last = await here.accept(track(f"m{number}"), number=number)
    last = await here.accept(track("other"), writer="edge2", number=1)
    await here.covered(last)
    assert (await here.engine.status()).counts["gaps"] == 1
    assert await here.routed_ids() == ["m1", "m2", "m4", "other"]


async def test_a_source_published_after_the_view_was_read_loses_nothing(make, build, monkeypatch):
    here = await make()
    here.start()
    real, refreshed = here.view.frozen, []
    stale = here.view.frozen()
    await here.store.publish(SnapshotKind.SOURCE, build.source("src_new", key="fresh"))
    monkeypatch.setattr(here.view, "frozen", lambda: real() if refreshed else stale)
    real_refresh = here.view.refresh

    async def refresh(**kwargs):
        await real_refresh()
        refreshed.append(1)

    monkeypatch.setattr(here.view, "refresh", refresh)
    await here.covered(await here.accept(track("a"), track("b"), write_key="fresh"))
    assert await here.routed_ids() == ["a", "b"]
    assert len(refreshed) == 1


async def test_an_unknown_key_is_looked_up_once_per_frame_and_shown(make):
    here = await make()
    here.start()
    await here.covered(await here.accept(track("a"), track("b"), write_key="typo-typo-typo"))
    await here.stop()
    (fact,) = [facts.decoder.head((await here.log.last(facts.STREAM, facts.subject("pipeline", 0))).payload)]
    assert [(one.reason, one.event_name, one.count, one.source_id) for one in fact.outcomes] == [
        ("unknown_source", "typo-typ…", 2, "")
    ]


async def test_facts_join_over_kills_and_sum_to_what_the_heads_say(make):
    here = await make()
    for turn in range(3):
        here.start()
        for number in range(5):
            last = await here.accept(track(f"{turn}-{number}"), track("same"))
        await here.covered(last)
        await (here.kill() if turn == 0 else here.stop())
    told, after = {}, 0
    async with asyncio.timeout(DEADLINE):
        async for _, fact in read_facts(here.log, 1):
            assert fact.after == after
            after = fact.to
            for one in fact.outcomes:
                told[one.outcome, one.reason] = told.get((one.outcome, one.reason), 0) + one.count
                assert one.minute == here.build.received_at // 60_000
            if after == 15:
                break
    assert told == {("SUCCESSFULLY_RECEIVED", ""): 16, ("FAILED_ON_INGEST", "duplicate"): 14}


async def test_status_tells_state_lag_and_counts(make):
    here = await make()
    await here.accept(track("a"), track("a"))
    engine = PipelineEngine(here.settings, here.log, here.view, SystemClock())
    before = await engine.status()
    assert (before.state, before.lag) == ("starting", {"ACCEPTED-0": 1})
    here.start()
    await here.covered(1)
    status = await here.engine.status()
    assert (status.state, status.reasons, status.lag) == ("ready", [], {"ACCEPTED-0": 0})
    assert status.counts["successfully_received"] == 1
    assert status.counts["failed_on_ingest"] == 1
    assert here.engine.is_ready
