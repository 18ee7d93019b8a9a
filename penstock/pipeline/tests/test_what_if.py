"""What-if on frames and on a real log."""

import asyncio
from collections import Counter

import msgspec
import pytest

from penstock.infra.calls import CallFailed
from penstock.infra.log.installation import ensure_streams
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.ids import resource_id
from penstock.kit.settings import Settings
from penstock.pipeline.engine import PipelineEngine
from penstock.pipeline.what_if import WhatIfs, _Run
from penstock.spec import accepted, routed, streams
from penstock.spec.snapshot import (
    ControlSnapshot,
    DestinationSnapshot,
    SchemaControlsSnapshot,
    SchemaFiltersSnapshot,
    SnapshotEnvelope,
    SnapshotKind,
    TransformationSnapshot,
)
from penstock.spec.what_if import WhatIf

RULE = ("TRACK", "Signup", {"properties": {"properties": {"properties": {"plan": {"type": "string"}}}}})
STRICT = SchemaControlsSnapshot(ControlSnapshot(allows_unplanned_events=False, allows_unplanned_members=False))


def signup(number, event="Signup", **properties):
    return {"type": "track", "event": event, "userId": "u", "messageId": f"m{number}", "properties": properties}


class _View:
    def __init__(self, snapshots):
        self._snapshots = snapshots

    def frozen(self):
        return self._snapshots


class _Leaping(SystemClock):
    """Whoever looks at it finds that 20 s have passed."""

    _looks = 0

    def monotonic(self):
        self._looks += 1
        return self._looks * 20.0


def no_gate(*_):
    """Delivery's: what becomes of events at destinations is asked in tests of both."""
    raise AssertionError


async def asked(build, live, payloads, source, open_gate=no_gate, **changes):
    run = _Run(WhatIf(source, 0, 1 << 60, 1_000, **changes), live, SystemClock(), open_gate, bytes)
    for payload in payloads:
        await run.judge(payload)
    return run.report()


async def test_schema_filters_tell_what_they_would_block_and_trim(build):
    source = build.source()
    events = [signup(1, plan="pro", email="e"), signup(2, event="Noise"), signup(3, event="Other")]
    filters = SchemaFiltersSnapshot([("track", "Noise")], [("track", "Signup", "email")])
    filtered = msgspec.structs.replace(source, filters=filters)
    report = await asked(build, build.snapshots(source), [build.frame(build.request(events))], filtered)
    assert (report.before, report.after, report.changed) == ({"": 3}, {"": 2, "event_setting": 1}, 1)


async def test_another_plan_tells_what_it_would_block_and_change(build):
    source = build.source()
    live = build.snapshots(source)
    events = [signup(1, plan="pro"), signup(2, plan="pro", debug=1), signup(3, event="Other")]
    planned = msgspec.structs.replace(source, plan_id="tp_1", controls=STRICT)
    report = await asked(build, live, [build.frame(build.request(events))], planned, plan=build.plan(RULE))
    assert report.before == {"": 3}
    assert report.after == {"": 2, "unplanned": 1}
    assert (report.events, report.changed) == (3, 1)
    trimmed, blocked = report.samples
    assert msgspec.json.decode(trimmed.before)["properties"] == {"plan": "pro", "debug": 1}
    assert msgspec.json.decode(trimmed.after)["properties"] == {"plan": "pro"}
    assert (blocked.message_id, blocked.event_name, blocked.after_ending) == ("m3", "Other", "unplanned")


async def test_a_transformation_tells_what_it_would_drop(build):
    source = build.source()
    changed = msgspec.structs.replace(
        source, transformations=[TransformationSnapshot("t", "event = 'Other'", drop=True)]
    )
    payloads = [build.frame(build.request([signup(1), signup(2, event="Other")]))]
    report = await asked(build, build.snapshots(source), payloads, changed)
    assert report.after == {"": 1, "transformation": 1}


async def test_at_a_destination_what_a_plan_forwards_is_not_taken_for_an_event_of_the_source(build):
    """Made events stand nowhere in the frame, and its first event stands at its beginning."""
    controls = SchemaControlsSnapshot(ControlSnapshot(allows_unplanned_events=False), blocked_to="src_B2")
    live = build.source(plan_id="tp_1", controls=controls)
    there, telling = DestinationSnapshot("d", "ws1", 1, live.id, "", "n", [], [], True, 0, 0, b"", []), []
    held = build.snapshots(live, build.source("src_B2", key="other"), build.plan(RULE))
    held.apply(SnapshotEnvelope(SnapshotKind.DESTINATION, "d", "ws1", 1, is_deleted=False), there)
    changed = msgspec.structs.replace(live, controls=msgspec.structs.replace(controls, violations_to="src_B2"))

    def gate(row, text):
        telling.append((row.message_id, msgspec.json.decode(text)["messageId"]))
        return "", text

    for event, ends in ((signup(1, event="Other"), {"unplanned": 1}), (signup(1, plan=5), {"": 1})):
        frame = build.frame(build.request([event]))
        report = await asked(build, held, [frame], changed, lambda *_: gate, destination=there)
        assert (report.before, report.after, report.samples) == (ends, ends, [])
    assert telling == [("m1", "m1")] * 2


async def test_events_of_other_sources_and_repeats_are_left_out(build):
    source, other = build.source(), build.source("src_B2", key="other")
    mine = build.frame(build.request([signup(1)]), build.request([signup(2)], write_key="other"))
    report = await asked(build, build.snapshots(source, other), [mine, mine], source)
    assert report.before == {"": 1, "duplicate": 1}


async def test_what_a_replay_brought_again_is_no_event_of_its_range(build):
    source = build.source()
    frames = [build.frame(build.request([signup(1)]), lap=lap) for lap in ("", "replay-1")]
    assert (await asked(build, build.snapshots(source), frames, source)).events == 1


async def test_samples_are_bounded_by_kind(build):
    source = build.source()
    changed = msgspec.structs.replace(source, transformations=[TransformationSnapshot("t", "all", drop=True)])
    report = await asked(
        build, build.snapshots(source), [build.frame(build.request([signup(n) for n in range(40)]))], changed
    )
    assert len(report.samples) == 5
    assert report.after == {"transformation": 40}


class TestOnALog:
    @pytest.fixture
    async def what_ifs(self, log, build):
        await ensure_streams(log, 1)
        self.source = build.source()
        return WhatIfs(log, _View(build.snapshots(self.source)), SystemClock(), 1, no_gate)

    async def test_a_range_of_time_is_judged_part_by_part(self, log, what_ifs, build):
        times = []
        for number in range(4):
            await log.append("accepted.0.e", build.frame(build.request([signup(number)])))
            times.append((await log.get_batch(streams.accepted(0), number + 1))[0].time_ms)
        source, seen, after = build.source(), 0, ""
        while True:
            report = await what_ifs.answer(WhatIf(source, times[0], times[-1] + 1, 1, after))
            seen += report.events
            after = report.next
            if not after:
                break
        assert seen == 4
        assert (await what_ifs.answer(WhatIf(source, times[-1] + 60_000, 1 << 60, 10))).events == 0
        assert (await what_ifs.answer(WhatIf(source, 0, times[0], 10))).events == 0

    async def test_an_answer_does_not_wait_for_more_than_half_a_minute(self, log, what_ifs, build):
        """However many events were asked for: what is asked goes on behind the frame that was the last in time."""
        frames = [build.frame(build.request([signup(f"-late-{number}")])) for number in range(3)]
        first, *_ = [await log.append("accepted.0.e", frame) for frame in frames]
        what_ifs._clock = _Leaping()
        seen, after = [], f"0-{first}"
        while after:
            report = await what_ifs.answer(WhatIf(build.source(), 0, 1 << 60, 1_000_000, after))
            seen, after = [*seen, report.events], report.next
        assert seen == [1, 1, 1]

    async def test_who_asks_while_many_wait_is_told_to_come_again(self, what_ifs, build):
        asking = [asyncio.create_task(what_ifs.answer(WhatIf(build.source(), 0, 1 << 60, 10))) for _ in range(12)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        refused = [each for each in answers if isinstance(each, CallFailed)]
        assert [each.code for each in refused] == ["busy"] * 4
        await what_ifs.answer(WhatIf(build.source(), 0, 1 << 60, 10))


class TestBesideALivePipeline:
    @pytest.fixture
    async def routed_live(self, log, tmp_path, build):
        """Frames with repeats, appended and answered by the engine."""
        await ensure_streams(log, 1)
        dropping = TransformationSnapshot("t", "event = 'Other'", drop=True)
        self.source = msgspec.structs.replace(build.source(), transformations=[dropping])
        await SnapshotStore(await log.bucket(streams.SNAPSHOTS)).publish(SnapshotKind.SOURCE, self.source)
        view = await SnapshotView.open(log)
        one, two, three, four = (signup(f"-{resource_id()}") for _ in range(4))
        frames = [
            [one, two | {"event": "Other"}, three | {"type": "nonsense"}],
            [one, three, three],
            [two, four, three],
            [four],
        ]
        self.times, sequences = [], []
        for number, events in enumerate(frames, 1):
            payload = build.frame(build.request(events), number=number)
            sequences.append(await log.append(accepted.subject(0, "edge1"), payload))
            self.times.append((await log.get_batch(streams.accepted(0), sequences[-1]))[0].time_ms)
            await asyncio.sleep(0.002)  # no two frames of one millisecond: a range begins between them
        engine = PipelineEngine(Settings(data=str(tmp_path)), log, view, SystemClock(), 0)
        running = asyncio.create_task(engine.run())
        self.heads = await self.answered(log, sequences)
        yield WhatIfs(log, view, SystemClock(), 1, no_gate)
        engine.stop()
        await asyncio.wait_for(running, 60)
        await view.close()

    async def answered(self, log, sequences):
        async with asyncio.timeout(60):
            while True:
                found = await log.get_batch(routed.stream_name(0), 1)
                heads = [routed.decoder.frame(message.payload)[0] for message in found]
                if heads and heads[-1].covers == sequences[-1]:
                    return [head for head in heads if head.covers in sequences]
                await asyncio.sleep(0.01)

    def live(self, heads):
        ends = Counter("" for head in heads for row in head.rows if row.fate == routed.ROUTED_TO_ALL)
        for head in heads:
            for each in head.outcomes:
                if each.reason:
                    ends[each.reason] += each.count
        return ends

    async def test_pages_add_up_to_the_live_outcomes(self, routed_live):
        for limit in (1, 4, 1_000):
            pages, after = Counter(), ""
            while True:
                report = await routed_live.answer(WhatIf(self.source, self.times[0], 1 << 60, limit, after))
                assert report.before == report.after
                pages.update(report.before)
                if not (after := report.next):
                    break
            assert pages == self.live(self.heads)
        assert pages["duplicate"] == 5
        assert pages["transformation"] == 1

    async def test_a_repeat_of_what_came_before_the_range_is_one(self, routed_live):
        for number in range(1, 4):
            report = await routed_live.answer(WhatIf(self.source, self.times[number], 1 << 60, 1_000))
            assert report.before == self.live(self.heads[number:])
