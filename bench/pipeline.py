"""The pipeline's CPU per event: judging, claiming and encoding, with 10 and with 10,000 sources. No log is involved."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.report import Figure, at_most
from penstock.infra.snapshots import Snapshots
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord, encode_accepted
from penstock.spec.accepted import decoder as accepted_decoder
from penstock.spec.snapshot import SnapshotEnvelope, SnapshotKind, SourceSnapshot

_RUNS = 5
_FRAMES = 40
_REQUESTS = 10
_EVENTS = 50
RECEIVED_AT = 1_893_578_401_250


def run() -> list[Figure]:
    """Medians of interleaved runs; frames of 10 requests with 50 events each."""
    measured: dict[int, list[float]] = {10: [], 10_000: []}
    snapshots = {count: snapshots_of(count) for count in measured}
    with tempfile.TemporaryDirectory() as folder:
        index = DedupeIndex(Path(folder) / "dedupe", 24)
        for number in range(_RUNS):
            for count, taken in measured.items():
                taken.append(microseconds_per_event(snapshots[count], count, index, number))
        index.close()
    few, many = (statistics.median(taken) for taken in measured.values())
    return [
        at_most("pipeline CPU per event, 10 sources", few, 40, "µs"),
        Figure("pipeline CPU per event, 10,000 sources", many, "µs"),
        at_most("10,000 sources beside 10", many / few, 1.25, "times"),
    ]


def microseconds_per_event(
    snapshots: Snapshots, sources: int, index: DedupeIndex, run: int, rulebook: Rulebook | None = None
) -> float:
    claims, rulebook = Claims(), rulebook or Rulebook()
    frames = [frame(sources, f"{run}-{sources}-{number}", number) for number in range(_FRAMES)]
    began = time.process_time()
    for number, payload in enumerate(frames, 1):
        head, body = accepted_decoder.frame(payload)
        judge = FrameJudge(head, body, snapshots, index, claims, rulebook)
        for _ in judge.slices():
            pass
        answer = judge.answer("bench", number)
        index.apply(answer.claimed, number, "bench")
        assert sum(len(part.head.rows) for part in answer.parts) == _REQUESTS * _EVENTS
    return (time.process_time() - began) / (_FRAMES * _REQUESTS * _EVENTS) * 1e6


def frame(sources: int, mark: str, number: int) -> bytes:
    """An ACCEPTED frame as the edge writes it, its requests spread over the sources."""
    records = [
        RequestRecord(RECEIVED_AT, f"write-key-{(number * _REQUESTS + request) % sources:05}", "batch", "203.0.113.9")
        for request in range(_REQUESTS)
    ]
    rows, pieces, offset = [], [], 0
    for request in range(_REQUESTS):
        for place in range(_EVENTS):
            message_id = f"bench-{mark}-{request}-{place}"
            piece = msgspec.json.encode(event_of(message_id, place))
            rows.append(AcceptedRow(offset, len(piece), request, message_id))
            pieces.append(piece)
            offset += len(piece)
    return encode_accepted(AcceptedHead("bench", number + 1, records, rows), pieces)


def event_of(message_id: str, number: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Order Completed",
        "anonymousId": f"a-{number}",
        "userId": f"u-{number}",
        "messageId": message_id,
        "timestamp": "2030-01-02T10:00:00.000Z",
        "sentAt": "2030-01-02T10:00:01.000Z",
        "context": {
            "locale": "en-GB",
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "page": {"path": "/cart", "referrer": "", "search": "", "title": "Cart", "url": "https://x.test/cart"},
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Example/1.0",
        },
        "properties": {"orderId": f"o-{number}", "total": 27.5, "currency": "EUR", "coupon": None, "items": [1, 2, 3]},
        "integrations": {},
    }


def snapshots_of(count: int, **of_each: Any) -> Snapshots:
    """So many sources, each with these fields besides."""
    held = Snapshots()
    for number in range(count):
        key = f"write-key-{number:05}"
        source = SourceSnapshot(
            f"s{number}", "w", 1, f"s{number}", "Source", True, [key], 0, f"s{number}", "website", **of_each
        )
        envelope = SnapshotEnvelope(SnapshotKind.SOURCE, source.id, "w", 1, is_deleted=False)
        held.apply(envelope, source)
    held.version = 1
    return held
