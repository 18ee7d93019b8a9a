import itertools
import json

import pytest

from penstock.delivery.reading.frames import RoutedEvent, RoutedFrame
from penstock.delivery.trigger import plain_trigger
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Message
from penstock.js import Operation, RunnerPool, RunnerRequest
from penstock.js.deno import BUNDLE
from penstock.spec import routed
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.testing.receiver import Receiver

WEBHOOK = "614a3c7d791c91c41bae7599"
CLAUSES = [
    'type = "track"',
    'type != "track"',
    'type="page"',
    'event = "Order Done"',
    'event != "Order Done"',
    'event = "a"',
]
PLAIN = [
    *CLAUSES,
    *(f"{first} {join} {second}" for join in ("and", "or") for first, second in itertools.permutations(CLAUSES, 2)),
    'type = "track" or type = "page" or type = "identify"',
    'type = "track" and event != "a" and event != "b"',
]
EVENTS = [
    {"type": "track", "event": "Order Done"},
    {"type": "track", "event": "a"},
    {"type": "track", "event": "order done"},
    {"type": "track", "event": "Order Done "},
    {"type": "page", "name": "a"},
    {"type": "page", "event": "a"},
    {"type": "identify"},
    {"type": "identify", "event": None},
]


def read(event: dict) -> RoutedEvent:
    body = json.dumps(event).encode()
    row = routed.RoutedRow(0, len(body), 0, EVENT_TYPES.index(EventType(event["type"])), "m")
    head = routed.RoutedHead("t", 1, 1, 1, 1, [routed.SourceRef("w", "s")], [row], [], [])
    return RoutedFrame(Message("routed.0", 1, 0, routed.encode_routed(head, [body]))).event(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        'type = "track" and event = "a" or event = "b"',
        "type = 'track'",
        "type = track",
        'properties.plan = "a"',
        'event = "quo\\"te"',
        'event = "per(cent)"',
        'contains(event, "a")',
        '(type = "track")',
        'type = "track" AND event = "a"',
        'type = "track" and',
        'event = ""',
        'type = "track"  and\tevent = "a"',
        "event = null",
        'userId = "a"',
    ],
)
def test_whatever_is_not_plain_is_left_to_the_official_code(text: str):
    assert plain_trigger(text) is None


def test_a_plain_trigger_is_judged_here():
    fires = plain_trigger('type = "track" and event = "Order Done"')
    assert [fires(read(event)) for event in EVENTS] == [True, *[False] * 7]


@pytest.mark.skipif(not BUNDLE.is_file(), reason="the runner's bundle is not built")
async def test_a_plain_trigger_fires_exactly_where_the_official_code_fires():
    with Receiver() as receiver:
        mapping = json.dumps({"url": receiver.url, "method": "POST", "data": {"@path": "$."}, "enable_batching": True})
        async with RunnerPool(OutboundPolicy()) as pool:
            for text in PLAIN:
                request = RunnerRequest(
                    operation=Operation.BATCH,
                    metadata_id=WEBHOOK,
                    action="send",
                    trigger=text,
                    mapping=mapping.encode(),
                    events=[json.dumps(event).encode() for event in EVENTS],
                )
                (result,) = (await pool.call(request)).results
                if result.multistatus is None:
                    assert result.output == "not subscribed"
                    fired = [False] * len(EVENTS)
                else:
                    fired = [row.status == 200 for row in result.multistatus]
                fires = plain_trigger(text)
                assert fires is not None
                assert [fires(read(event)) for event in EVENTS] == fired, text
