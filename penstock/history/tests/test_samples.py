import itertools
import json

import pytest

from penstock.history import EventSamples
from penstock.history.samples import WINDOW
from penstock.infra.log import Log, StreamSpec
from penstock.infra.snapshots import Snapshots
from penstock.spec import routed, streams
from penstock.spec.event import TYPE_NUMBERS
from penstock.spec.routed import BLOCKED, FOR_FUNCTION, RoutedHead, RoutedRow, SourceRef, encode_routed
from penstock.spec.samples import FindSamples
from penstock.spec.snapshot import DeletionSnapshot, SnapshotEnvelope, SnapshotKind
from penstock.spec.suppression import SubjectHasher, SubjectType, packed

SOURCES = [SourceRef("ws1", "s1"), SourceRef("ws1", "s2"), SourceRef("ws2", "s1")]
RECEIVED = "2030-01-02T10:00:01.250Z"
RECEIVED_MS = 1_893_578_401_250
KEY = b"k" * 32
_covers = itertools.count(1)


class View:
    def __init__(self):
        self.snapshots = Snapshots()

    def frozen(self):
        return self.snapshots

    def delete(self, user_id, before):
        digests = packed([SubjectHasher(KEY, SubjectType.USER_ID).digest(user_id)])
        deletion = DeletionSnapshot("reg_1", "ws1", 1, "", KEY, SubjectType.USER_ID, before, digests)
        envelope = SnapshotEnvelope(SnapshotKind.DELETION, "reg_1", "ws1", 1, is_deleted=False)
        self.snapshots.apply(envelope, deletion)


class Past:
    def __init__(self, log):
        self.log, self.view = log, View()
        self.samples = EventSamples(log, self.view, 1, lambda sealed: sealed)

    async def put(self, *events, source=0, fate=0):
        """One frame."""
        rows, pieces, offset = [], [], 0
        for each in events:
            piece = json.dumps({"receivedAt": RECEIVED} | each).encode()
            rows.append(RoutedRow(offset, len(piece), source, TYPE_NUMBERS[each["type"]], f"m{each['n']}", fate))
            pieces.append(piece)
            offset += len(piece)
        head = RoutedHead("e", next(_covers), 0, 1, 1, SOURCES, rows, [], [])
        await self.log.append(routed.subject(0), encode_routed(head, pieces))

    async def find(self, limit=10, kind="track", name="E", ids=()):
        found = await self.samples.answer(FindSamples("ws1", "s1", kind, name, limit, tuple(ids)))
        return [json.loads(text)["n"] for text in found.events]


@pytest.fixture
async def past(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await log.ensure_stream(StreamSpec(streams.routed(0), streams.streams(1)[streams.routed(0)]))
    yield Past(log)
    await log.close()


def track(number, name="E", **fields):
    return {"type": "track", "event": name, "n": number, **fields}


async def test_the_last_events_of_a_name_come_first(past):
    for start in range(0, 6, 2):
        await past.put(track(start), track(start + 1), track(99, "Other"))
    assert await past.find() == [5, 4, 3, 2, 1, 0]
    assert await past.find(limit=2) == [5, 4]


async def test_other_sources_workspaces_types_and_names_are_not_meant(past):
    await past.put(track(1), {"type": "page", "name": "E", "n": 2}, {"type": "identify", "n": 3})
    await past.put(track(4), source=1)
    await past.put(track(5), source=2)
    assert await past.find() == [1]
    assert await past.find(kind="page") == [2]
    assert await past.find(kind="identify", name="") == [3]


async def test_what_was_blocked_is_found_too(past):
    await past.put(track(1), fate=BLOCKED)
    assert await past.find() == [1]


async def test_what_waits_for_a_function_is_passed_over(past):
    await past.put(track(1), fate=FOR_FUNCTION)
    assert await past.find() == await past.find(kind="", name="", ids=["m1"]) == []


async def test_what_a_person_sent_before_they_were_deleted_is_passed_over(past):
    await past.put(track(1, userId="u1"), track(2, userId="u2"))
    await past.put(track(3, userId="u1", receivedAt="2030-01-02T10:00:05.000Z"))
    past.view.delete("u1", RECEIVED_MS)
    assert await past.find() == [3, 2]


async def test_events_behind_many_frames_of_others_are_found(past):
    await past.put(track(1))
    for _ in range(2 * WINDOW + 3):
        await past.put(track(0, "Other"))
    assert await past.find() == [1]


async def test_an_empty_log_has_none(past):
    assert await past.find() == []


async def test_events_are_found_by_their_ids_whatever_they_are_called(past):
    await past.put(track(1), track(2, "Other"), {"type": "identify", "n": 3}, track(4, userId="u1"))
    await past.put(track(2), source=1)
    past.view.delete("u1", RECEIVED_MS)
    assert await past.find(kind="", name="", ids=["m2", "m3", "m4", "m9"]) == [3, 2]
