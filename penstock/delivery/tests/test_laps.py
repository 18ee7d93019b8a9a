"""Functions of sources: what is marked for them is run, and what they make is appended, on real processes."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from penstock.delivery.attempt import Attempt, Fate, Signal
from penstock.delivery.functions import FunctionAttempter
from penstock.delivery.laps import FunctionLaps
from penstock.functions.instance import Program
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.laps import id_of_made
from penstock.spec.routed import FOR_FUNCTION
from penstock.spec.snapshot import FunctionSnapshot, SubscriptionSnapshot
from penstock.testing.outside import PlainSealer, Shard, destination, event

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAST = Settings(retry_seconds=(0.02,) * 9, retry_jitter=0.0, settle_seconds=0.02, attempt_seconds=7.0)
ALL = SubscriptionSnapshot("f", "f", "", 'type != "nothing"', b"{}", True)


class Accepted:
    """Keeps what is appended; refuses the first `refusals`."""

    def __init__(self):
        self.frames, self.refusals = [], 0

    async def append(self, lapped):
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.frames.append(lapped)
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[FunctionPool]:
    async with FunctionPool(OutboundPolicy(), FunctionSettings(megabytes=200)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def accepted():
    return Accepted()


@pytest_asyncio.fixture(loop_scope="module")
async def shard(nats_server, pool: FunctionPool, accepted) -> AsyncIterator[Shard]:
    log = await Log.connect(nats_server.url, token=nats_server.token)
    made = await Shard(log, FAST).make()
    made.outside = FunctionAttempter(made.outside, pool, made.view, PlainSealer(), FunctionLaps(pool, accepted))
    yield made
    await made.kill()
    await log.close()


async def run(shard, code, *given, kind="SOURCE", required=()):
    """Of the function at source `web`, for what is marked: totals by outcome."""
    shard.view.functions["f"] = FunctionSnapshot("f", "w", 1, "F", kind, code, required)
    shard.view.put(destination("lap", ALL, function_id="f", lap=kind, sealed_settings=b'{"key":"k"}'))
    await shard.start()
    await shard.route(*given, fate=FOR_FUNCTION)
    return await shard.ended(len(given))


def asked(message_id="r", body="{}"):
    return {
        "type": "track",
        "messageId": message_id,
        "url": "http://x/fn?b=a",
        "headers": [],
        "body": body,
        "isForm": False,
    }


def code(body):
    return f"async function onRequest(request, settings) {{ {body} }}"


async def held(shard):
    found = [
        delivery.quarantine_decoder.frame(message.payload)[0].rows for message in await shard.written("quarantine.lap")
    ]
    return [row for some in found for row in some]


async def test_what_a_request_makes_stands_together_with_ids_that_come_out_the_same_again(shard, accepted):
    body = "Segment.track({userId: 'u', event: 'A'}); Segment.track({userId: 'u', event: 'B', messageId: 'own'})"
    accepted.refusals = 1  # the first run is not stored, so it runs again
    totals = await run(shard, code(body + "; Segment.identify({userId: settings.key})"), asked())
    assert totals["lap", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1
    (frame,) = accepted.frames
    assert frame.message_ids == [id_of_made("r", 0), "own", id_of_made("r", 2)]
    assert frame.made_ids == [True, False, True]
    assert [json.loads(text).get("event") for text in frame.events] == ["A", "B", None]
    assert json.loads(frame.events[2])["userId"] == "k"
    assert (frame.source_id, frame.lap) == ("web", "")


async def test_what_a_request_tells_of_objects_stands_beside_its_events(shard, accepted):
    body = "Segment.set({collection: 'Cats', id: 7, properties: {n: 1}}); Segment.track({userId: 'u', event: 'A'});"
    accepted.refusals = 1
    await run(shard, code(body + "Segment.set({collection: 'cats', id: '8'})"), asked())
    (frame,) = accepted.frames
    assert frame.message_ids == [id_of_made("r", 1)]
    first, second = map(json.loads, (each.text for each in frame.objects))
    assert (first["collection"], first["id"], first["properties"]) == ("cats", "7", {"n": 1})
    assert (second["id"], second["properties"], second["messageId"]) == ("8", {}, id_of_made("r", 2))
    assert first["receivedAt"], "that of the request"
    assert [(each.key.id, each.message_id) for each in frame.objects] == [
        ("7", id_of_made("r", 0)),
        ("8", id_of_made("r", 2)),
    ]


async def test_a_request_of_which_nothing_is_made_has_ended_well(shard, accepted):
    assert await run(shard, code(""), asked()) == {("lap", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1}
    assert accepted.frames == []


async def test_a_retry_error_is_tried_six_times(shard, accepted):
    """FC-76: then it has failed, and each try before was to be seen as awaiting its retry."""
    totals = await run(shard, code("Segment.track({userId: 'u', event: 'E'}); throw new RetryError('later')"), asked())
    assert totals == {("lap", "AWAITING_RETRY", "RETRY_ERROR"): 5, ("lap", "FAILED_DELIVERY", "RETRY_ERROR"): 1}
    (row,) = await held(shard)
    assert (row.message_id, row.attempts) == ("r", 6)
    assert accepted.frames == []
    rungs = [len(await shard.written(f"retry.{rung}")) for rung in range(9)]
    assert rungs == [0, 0, 1, 1, 1, 2, 0, 0, 0], "2, 4, 8, 16 and 16 minutes"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("throw new Error('no')", "bad_request"),
        ("Segment.track({event: 'E'})", "message_rejected"),
        ("Segment.track({userId: 'u', event: 'x'.repeat(33000)})", "TRACKING_API_FAILED"),
        ("Segment.track({userId: 'u', event: 'E'}); Segment.set({collection: 'my cats', id: '1'})", "SET_API_FAILED"),
        ("Segment.set({collection: 'c', id: '1', properties: {a: 'x'.repeat(33000)}})", "SET_API_FAILED"),
        ("Segment.set({collection: 'c'})", "message_rejected"),
    ],
)
async def test_what_fails_for_good_takes_nothing_of_its_request(shard, accepted, body, reason):
    assert await run(shard, code(body), asked()) == {("lap", "FAILED_DELIVERY", reason): 1}
    assert [row.reason for row in await held(shard)] == [reason]
    assert accepted.frames == []


@pytest.mark.parametrize(
    ("kind", "outcome"), [("SOURCE", "FAILED_DELIVERY"), ("INSERT_SOURCE", "FILTERED_AT_DESTINATION")]
)
async def test_where_a_required_setting_is_lacking_nothing_runs(shard, accepted, kind, outcome):
    """The settings have a `key`, and a version that was deployed since requires another."""
    passing = "const onTrack = (event) => event; function onRequest() { Segment.track({userId: 'u', event: 'E'}) }"
    totals = await run(shard, passing, asked(), kind=kind, required=("key", "region"))
    assert totals == {("lap", outcome, "invalid_settings"): 1}
    assert accepted.frames == []


async def test_a_source_insert_function_gives_back_one_event_under_its_own_id(shard, accepted):
    change = """
    async function onTrack(event) {
      if (event.event === 'gone') return
      return { ...event, messageId: 'forged', properties: { seen: true } }
    }"""
    kept = {**event("kept", integrations={"All": False}), "channel": "client"}
    events = [kept, event("gone"), {**event("who"), "type": "identify"}]
    totals = await run(shard, change, *events, kind="INSERT_SOURCE")
    assert totals == {
        ("lap", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1,
        ("lap", "FILTERED_AT_DESTINATION", "FILTERED_AT_INSERT_FUNCTION"): 1,
        ("lap", "FILTERED_AT_DESTINATION", "unsupported_event_type"): 1,
    }
    (frame,) = accepted.frames
    assert (frame.message_ids, frame.lap, frame.is_client) == (["kept"], "functions", True)
    assert json.loads(frame.events[0])["messageId"] == "kept"


async def test_what_is_marked_reaches_no_destination_and_what_is_not_reaches_no_function(shard, accepted):
    shard.view.functions["f"] = FunctionSnapshot("f", "w", 1, "F", "SOURCE", code("Segment.identify({userId: 'u'})"))
    shard.view.put(destination("lap", ALL, function_id="f", lap="SOURCE"))
    shard.view.put(destination("d", ALL, supported_types=[]))
    await shard.start()
    await shard.route(asked(), fate=FOR_FUNCTION)
    await shard.route(event("plain"))
    totals = await shard.ended(2)
    assert totals == {
        ("lap", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1,
        ("d", "FILTERED_AT_DESTINATION", "UNSUPPORTED_EVENT_TYPE"): 1,
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("throw new RetryError('a')", "RETRY_ERROR"),
        ("throw new InvalidEventPayload('a')", "message_rejected"),
        ("throw new EventNotSupported('a')", "unsupported_event_type"),
        ("nothing.there", "bad_request"),
    ],
)
async def test_reasons_are_spelled_as_at_ingest(shard, body, reason):
    """Trap 5 of functions.md §8: mixed there, in lower case where an event is filtered at its destination."""
    totals = await run(shard, code(body), asked())
    assert {found for _, _, found in totals} == {reason}


@pytest.mark.parametrize(
    ("body", "signal"),
    [("throw new RetryError('a')", Signal.FAILING), ("return null", Signal.HEALTHY), ("nothing.there", Signal.HEALTHY)],
)
@pytest.mark.parametrize("kind", ["SOURCE", "INSERT_SOURCE"])
async def test_a_function_that_goes_on_failing_is_told_to_its_own_circuit(pool, accepted, kind, body, signal):
    program = Program(kind, f"onRequest = onTrack = () => {{ {body} }}")
    event = json.dumps(asked()).encode()
    attempt = Attempt(f"{kind}-{body}", "", "web", b"{}", ALL, [event], is_batch=False, seconds_limit=7.0)
    (verdict,) = await FunctionLaps(pool, accepted).attempt(attempt, destination("lap", ALL, lap=kind), program)
    assert verdict.signal is signal


@pytest.mark.parametrize("kind", ["SOURCE", "INSERT_SOURCE"])
async def test_what_ends_every_process_is_refused_by_name_and_then_waits_for_its_circuit(pool, accepted, kind):
    """sandbox.md §10; what is waited for is as at a destination that is down."""
    program = Program(kind, "onRequest = onTrack = () => Buffer.constructor('Deno.exit()')()")
    event = json.dumps(asked()).encode()
    attempt = Attempt(f"{kind}-ends", "", "web", b"{}", ALL, [event], is_batch=False, seconds_limit=7.0)
    laps, found = FunctionLaps(pool, accepted), []
    for _ in range(4):
        found += await laps.attempt(attempt, destination("lap", ALL, lap=kind), program)
    refused = Fate.FAILED if kind == "SOURCE" else Fate.FILTERED
    told = [(one.fate, one.reason, one.signal) for one in found]
    assert told[0] == (refused, "bad_request", Signal.HEALTHY)
    assert told[-1] == (Fate.RETRYABLE, "internal", Signal.FAILING)
    assert b"the function ended its process" in found[0].response
    assert b"none is started for 60 s" in found[-1].response
