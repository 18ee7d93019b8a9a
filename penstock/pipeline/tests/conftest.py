"""Builders of ACCEPTED frames and the pure judge, for the tests of this folder."""

import json
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from penstock.infra.snapshots import Snapshots
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.spec import accepted, routed
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord, encode_accepted
from penstock.spec.event import EVENT_TYPES
from penstock.spec.snapshot import (
    DestinationSnapshot,
    PlanSnapshot,
    RuleSnapshot,
    SnapshotEnvelope,
    SnapshotKind,
    SourceSnapshot,
)

RECEIVED_AT = 1_893_578_401_250
KEY = "wk"


def source(identifier="src_A1", key=KEY, **changes):
    values = {
        "id": identifier,
        "workspace_id": "ws1",
        "version": 1,
        "slug": identifier.lower(),
        "name": identifier,
        "enabled": True,
        "write_keys": [key],
        "created_at": 0,
        "schema_name": identifier.lower(),
    }
    return SourceSnapshot(**(values | changes))


def snapshots_of(*configured):
    held = Snapshots()
    for one in configured:
        kind = SnapshotKind.PLAN if isinstance(one, PlanSnapshot) else SnapshotKind.SOURCE
        held.apply(SnapshotEnvelope(kind, one.id, one.workspace_id, one.version, is_deleted=False), one)
    held.version = 7
    return held


def plan(*rules, version=1):
    """A plan of rules written as (type, key, schema) or (type, key, schema, version)."""
    made = [RuleSnapshot(type_, key, (*more, 1)[0], msgspec.json.encode(schema)) for type_, key, schema, *more in rules]
    return PlanSnapshot("tp_1", "ws1", version, "Web", made)


def request(events, **changes):
    """A request and its events: dicts or raw bytes; `changes` overrides fields of the record."""
    values = {"received_at": RECEIVED_AT, "write_key": KEY, "call": "batch"}
    return RequestRecord(**(values | changes)), events


_made = iter(range(1, 1 << 30))


def frame(*requests, writer="edge1", number=1, lap=""):
    records, rows, pieces, offset = [], [], [], 0
    for place, (record, events) in enumerate(requests):
        records.append(record)
        for event in events:
            raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
            own = event.get("messageId") if isinstance(event, dict) else None
            is_made = not (isinstance(own, str) and own)
            message_id = f"made-{next(_made)}" if is_made else own
            is_of_function = message_id.startswith("fn-")
            rows.append(AcceptedRow(offset, len(raw), place, message_id, is_made or is_of_function))
            pieces.append(raw)
            offset += len(raw)
    return encode_accepted(AcceptedHead(writer, number, records, rows, lap), pieces)


class Judged:
    """An answer, read back from its bytes as any reader would."""

    def __init__(self, answer):
        self.answer = answer
        self.heads, self.rows, self.events, self.texts = [], [], [], []
        for part in answer.parts:
            head, body = routed.decoder.frame(part.payload)
            self.heads.append(head)
            for row in head.rows:
                text = bytes(body[row.offset : row.offset + row.length])
                self.rows.append(row)
                self.texts.append(text)
                self.events.append(json.loads(text))
        self.head = self.heads[-1]

    @property
    def ids(self):
        return [row.message_id for row in self.rows]

    @property
    def types(self):
        return [EVENT_TYPES[row.event_type].value for row in self.rows]

    def count(self, reason):
        return sum(one.count for one in self.head.outcomes if one.reason == reason)

    @property
    def reasons(self):
        """Count by reason; what was received has none."""
        counts = {}
        for one in self.head.outcomes:
            counts[one.reason] = counts.get(one.reason, 0) + one.count
        return counts

    @property
    def total(self):
        return sum(one.count for one in self.head.outcomes)


class Pipeline:
    """The judge with an index, frame after frame, without a log."""

    def __init__(self, index):
        self.index = index
        self.claims = Claims()
        self.rulebook = Rulebook()
        self.snapshots = snapshots_of(source())
        self.sequence = 0

    def judge(self, *requests, **changes):
        head, body = accepted.decoder.frame(frame(*requests, **changes))
        judge = FrameJudge(head, body, self.snapshots, self.index, self.claims, self.rulebook)
        for _ in judge.slices():
            pass
        self.sequence += 1
        answer = judge.answer("engine1", self.sequence)
        self.index.apply(answer.claimed, self.sequence, "life")
        return Judged(answer)

    def one(self, event, **changes):
        """The event as delivered, or the reason why it was not."""
        judged = self.judge(request([event], **changes))
        assert judged.total == 1
        return judged.events[0] if judged.events else judged.head.outcomes[0].reason


@pytest.fixture(scope="session")
def shared_index(tmp_path_factory):
    """One real index for all pure tests: opening one costs more than most of them."""
    index = DedupeIndex(tmp_path_factory.mktemp("shared") / "dedupe", 24)
    yield index
    index.close()


@pytest.fixture
def pipeline(shared_index):
    yield Pipeline(shared_index)
    for key in list(shared_index._database.keys()):
        shared_index._database.delete(key)


def with_function(pipeline, kind, *, enabled=True):
    """A function of that kind is attached to the source."""
    lap = DestinationSnapshot(
        "i", "ws1", 1, "src_A1", "", "n", [], [], enabled, 0, 0, b"", [], function_id="f", lap=kind
    )
    held = snapshots_of(source())
    held.apply(SnapshotEnvelope(SnapshotKind.DESTINATION, "i", "ws1", 1, is_deleted=False), lap)
    pipeline.snapshots = held


@pytest.fixture(scope="session")
def build():
    return SimpleNamespace(
        frame=frame,
        request=request,
        source=source,
        plan=plan,
        snapshots=snapshots_of,
        received_at=RECEIVED_AT,
        key=KEY,
        judged=Judged,
        with_function=with_function,
    )


@pytest.fixture
def field_case():
    return lambda name: json.loads((Path(__file__).parent / "data" / name).read_text())
