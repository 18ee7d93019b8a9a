"""What-if says of each event what the pipeline and then delivery do with it, frame by frame."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.editing import Editing
from penstock.delivery.order import gate_of, judge
from penstock.delivery.reading.frames import RoutedFrame
from penstock.infra.log import Message
from penstock.kit.clock import SystemClock
from penstock.pipeline.dedupe import Claims
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.lived import Seen
from penstock.pipeline.tests import conftest as build
from penstock.pipeline.what_if import _Run
from penstock.spec import accepted, routed
from penstock.spec.edits.transformations import no_key
from penstock.spec.outcome import DestinationReason
from penstock.spec.snapshot import (
    ControlSnapshot,
    DestinationFilterSnapshot,
    FilterActionSnapshot,
    SchemaControlsSnapshot,
    TransformationSnapshot,
)
from penstock.spec.what_if import WhatIf
from penstock.testing.outside import destination

RULE = ("TRACK", "Signup", {"properties": {"properties": {"properties": {"plan": {"type": "string"}}}}})
STRICT = SchemaControlsSnapshot(ControlSnapshot(allows_unplanned_events=False, allows_unplanned_members=False))
SOURCE = msgspec.structs.replace(
    build.source(plan_id="tp_1", controls=STRICT),
    transformations=[TransformationSnapshot("t", "properties.plan = 'old'", renames=[("plan", "was")])],
)
FILTERED = destination(
    "d",
    source_id=SOURCE.id,
    supported_types=["track", "page"],
    consent_categories=["ads"],
    filters=[DestinationFilterSnapshot("f", "userId = 'v'", [FilterActionSnapshot("DROP")])],
    transformations=[TransformationSnapshot("e", "event = 'Signup'", values=[("properties.by", "us")])],
)
AT_DESTINATION = {"", *(reason.value for reason in DestinationReason)}
FRAMES = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["track", "identify", "page", "alias", "nonsense"]),
                "event": st.sampled_from(["Signup", "Other", ""]),
                "userId": st.sampled_from(["u", "v", 0]),
                "messageId": st.sampled_from("abcdefgh"),
                "properties": st.dictionaries(st.sampled_from(["plan", "debug"]), st.sampled_from(["old", "x", 7])),
            },
            optional={
                "integrations": st.sampled_from([{"All": False}, {"Webhook": False}, {"All": False, "Webhook": True}]),
                "context": st.sampled_from([{"consent": {"categoryPreferences": {"ads": on}}} for on in (True, False)]),
            },
        ),
        max_size=6,
    ),
    max_size=3,
)


class Noting(_Run):
    """Notes of each event its message id, and how it ends and what goes on if the question is answered yes."""

    def __init__(self, *arguments):
        self.told = []
        super().__init__(*arguments)

    def _compare(self, names, before, after):
        self.told.append((names[0], *after))
        super()._compare(names, before, after)


def live_outcomes(payloads, live):
    """How all events ended by the pipeline's own frames and delivery's own reading of them; and of each that delivery
    read, in their order, its message id, how it ended and what was delivered.
    """
    seen, editing, endings, read = Seen(), Editing(FILTERED), Counter(), []
    for payload in payloads:
        judging = FrameJudge(*accepted.decoder.frame(payload), live, seen, Claims(), Rulebook())
        for _ in judging.slices():
            pass
        answer = judging.answer("", 0)
        seen.add(answer.claimed)
        frame = RoutedFrame(Message("", 1, 0, answer.parts[0].payload))
        for number, row in enumerate(frame.head.rows):
            if row.fate != routed.ROUTED_TO_ALL:
                continue
            found = judge(frame.event(number), FILTERED, editing)
            if isinstance(found, DestinationReason):
                endings[found.value] += 1
                read.append((row.message_id, found.value, b""))
            else:
                endings[""] += 1
                read.append((row.message_id, "", found.body))
        for counted in answer.head.outcomes:
            if counted.reason:
                endings[counted.reason] += counted.count
    return endings, read


@given(FRAMES)
async def test_what_if_of_the_live_snapshots_equals_the_live_outcomes_event_by_event(frames):
    live = build.snapshots_of(SOURCE, build.plan(RULE))
    live.destinations[FILTERED.id] = FILTERED
    payloads = [build.frame(build.request(events)) for events in frames]
    asked = WhatIf(SOURCE, 0, 1 << 60, 1_000, plan=live.plans["tp_1"], destination=FILTERED)
    run = Noting(asked, live, SystemClock(), gate_of, no_key)
    for payload in payloads:
        await run.judge(payload)
    report = run.report()
    assert (report.before, report.samples, report.changed) == (report.after, [], 0)
    endings, read = live_outcomes(payloads, live)
    assert report.before == +endings
    assert report.events == endings.total()
    assert [each for each in run.told if each[1] in AT_DESTINATION] == read


@given(FRAMES)
async def test_what_would_be_delivered_is_what_is_once_the_change_is_live(frames):
    """Asked while the destination has neither filter nor transformation; each difference tells what it will get."""
    live = build.snapshots_of(SOURCE, build.plan(RULE))
    live.destinations[FILTERED.id] = msgspec.structs.replace(FILTERED, filters=[], transformations=[])
    payloads = [build.frame(build.request(events)) for events in frames]
    asked = WhatIf(SOURCE, 0, 1 << 60, 1_000, plan=live.plans["tp_1"], destination=FILTERED)
    run = Noting(asked, live, SystemClock(), gate_of, no_key)
    for payload in payloads:
        await run.judge(payload)
    report = run.report()
    endings, read = live_outcomes(payloads, live)
    assert report.after == +endings
    assert [each for each in run.told if each[1] in AT_DESTINATION] == read
