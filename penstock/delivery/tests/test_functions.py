"""Delivery by functions, and through them, on real processes."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from penstock.delivery.functions import FunctionAttempter
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.snapshot import FunctionSnapshot, InsertionSnapshot, SubscriptionSnapshot
from penstock.testing.outside import PlainSealer, Shard, destination, event, message_ids, subscription, until
from penstock.testing.receiver import Receiver, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAST = Settings(
    retry_seconds=(0.05, 0.1, 0.1), retry_jitter=0.0, settle_seconds=0.02, batch_wait_seconds=0.1, attempt_seconds=7.0
)
ALL = 'type != "nothing"'
DROPPED = "FILTERED_AT_INSERT_FUNCTION"
SEND = """
async function onTrack(event, settings) {
  const answer = await fetch(settings.url, { method: "POST", body: JSON.stringify(event) })
  if (answer.status >= 500) throw new RetryError(`it said ${answer.status}`)
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[FunctionPool]:
    async with FunctionPool(OutboundPolicy(), FunctionSettings(megabytes=200)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def shard(nats_server, pool: FunctionPool) -> AsyncIterator[Shard]:
    log = await Log.connect(nats_server.url, token=nats_server.token)
    made = await Shard(log, FAST).make()
    made.official = made.outside
    made.outside = FunctionAttempter(made.official, pool, made.view, PlainSealer())
    yield made
    await made.kill()
    await log.close()


def deliver_by(shard: Shard, code: str, *, batches: bool = False, required=(), **settings) -> None:
    """The destination `d` is a function."""
    mapping = b'{"enable_batching":true,"batch_size":20}' if batches else b"{}"
    known = SubscriptionSnapshot("f", "f", "", ALL, mapping, True)
    sealed = json.dumps(settings).encode()
    shard.view.functions["dfn_1"] = FunctionSnapshot("dfn_1", "w", 1, "F", "DESTINATION", code, required)
    shard.view.put(destination("d", known, function_id="dfn_1", sealed_settings=sealed))


def insert(shard: Shard, code: str, trigger: str = 'type = "track"', required=(), **settings) -> None:
    """The destination `d` has a function before it."""
    known = msgspec.structs.replace(subscription(), trigger=trigger)
    shard.view.functions["ifnd_1"] = FunctionSnapshot("ifnd_1", "w", 1, "F", "INSERT_DESTINATION", code, required)
    insertion = InsertionSnapshot("ifnd_1", b'{"by":null}', json.dumps(settings).encode())
    shard.view.put(destination("d", known, insertion=insertion))


def insert_too(shard: Shard, code: str, **settings) -> None:
    """The destination `d`, which is a function, has another one before it."""
    delivering = shard.view.destinations["d"]
    insert(shard, code, **settings)
    shard.view.put(msgspec.structs.replace(delivering, insertion=shard.view.destinations["d"].insertion))


async def rows(shard: Shard, subject: str = "quarantine.d"):
    found = [delivery.quarantine_decoder.frame(message.payload)[0].rows for message in await shard.written(subject)]
    return [row for some in found for row in some]


async def _awaits(shard: Shard) -> bool:
    return (await shard.totals())["d", "AWAITING_RETRY", "INTERNAL"] > 0


class TestDestination:
    async def test_an_event_is_delivered_by_the_code(self, shard: Shard):
        with Receiver() as receiver:
            deliver_by(shard, SEND, url=f"{receiver.url}/in")
            await shard.start()
            await shard.route(event("m", properties={"amount": 12.5}))
            assert await shard.ended(1) == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1}
            (request,) = receiver.requests
        assert (request.json()["messageId"], request.json()["properties"]) == ("m", {"amount": 12.5})

    async def test_a_retry_error_is_tried_again(self, shard: Shard):
        replies = iter([Reply(503), Reply(200)])
        with Receiver(lambda _: next(replies)) as receiver:
            deliver_by(shard, SEND, url=receiver.url)
            await shard.start()
            await shard.route(event("m"))
            totals = await shard.ended(1)
        assert totals["d", "AWAITING_RETRY", "RETRY"] == 1
        assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1

    @pytest.mark.parametrize("settings", [{}, {"key": ""}])
    async def test_where_a_required_setting_is_lacking_nothing_runs_and_the_event_has_failed(self, shard, settings):
        with Receiver() as receiver:
            deliver_by(shard, SEND, required=("url", "key"), url=receiver.url, **settings)
            await shard.start()
            await shard.route(event("m"))
            assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "INVALID_SETTINGS"): 1}
            assert not receiver.requests
        (row,) = await rows(shard)
        assert b"settings that are required are not there: key" in row.response

    async def test_a_batch_ends_likewise(self, shard: Shard):
        deliver_by(shard, "function onTrack() {}; function onBatch() {}", batches=True, required=("key",))
        await shard.start()
        await shard.route(*map(event, message_ids(3)))
        assert await shard.ended(3) == {("d", "FAILED_DELIVERY", "INVALID_SETTINGS"): 3}

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("throw new InvalidEventPayload('no email')", "MESSAGE_REJECTED"),
            ("throw new EventNotSupported('not this')", "UNSUPPORTED_EVENT_TYPE"),
            ("nothing.there", "BAD_REQUEST"),
        ],
    )
    async def test_other_errors_are_for_good_and_are_kept_with_what_was_logged(self, shard: Shard, body, reason):
        deliver_by(shard, f"async function onTrack(event) {{\n  console.log('seen', event.event)\n  {body}\n}}")
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", reason): 1}
        (row,) = await rows(shard)
        shown = json.loads(row.response)
        assert shown["log"] == "log seen m"
        assert "function.js:3" in shown["stack"]

    async def test_a_type_without_a_handler_is_not_supported(self, shard: Shard):
        deliver_by(shard, "async function onTrack() {}")
        await shard.start()
        await shard.route(event("m", type="identify"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "UNSUPPORTED_EVENT_TYPE"): 1}

    async def test_an_event_that_crashes_its_process_is_quarantined_and_those_behind_it_go_on(self, shard: Shard):
        code = "async function onTrack(event) { if (event.event === 'm3') Buffer.constructor('Deno.exit()')() }"
        deliver_by(shard, code)
        await shard.start()
        await shard.route(*map(event, message_ids(8)))
        totals = await shard.ended(8)
        assert sum(count for (_, outcome, _), count in totals.items() if outcome == "SUCCESSFUL_DELIVERY") == 7
        (row,) = await rows(shard)
        assert (row.message_id, row.reason) == ("m3", "BAD_REQUEST")
        assert b"ended its process" in row.response

    async def test_a_function_that_hangs_holds_no_other_destination(self, shard: Shard):
        deliver_by(shard, "async function onTrack() { for (;;); }")
        shard.view.put(destination("other", source_id="web"))
        await shard.start()
        await shard.route(*map(event, message_ids(20)))
        totals = await shard.ended(20, seconds=25)  # those that hang end at 28 s
        assert totals["other", "SUCCESSFUL_DELIVERY", "successes.attempt.1"] == 20

    @pytest.mark.parametrize(
        ("handler", "totals"),
        [
            ("", {"SUCCESSFUL_DELIVERY": 4}),
            (
                "return events.map((_, n) => ({status: n === 1 ? 400 : 200, errormessage: 'no'}))",
                {"SUCCESSFUL_DELIVERY": 3, "FAILED_DELIVERY": 1},
            ),
            ("throw new ValidationError('all')", {"FAILED_DELIVERY": 4}),
            ("return [{status: 400}]", {"SUCCESSFUL_DELIVERY": 4}),
        ],
    )
    async def test_a_batch_ends_as_its_rows_say(self, shard: Shard, handler, totals):
        code = f"async function onBatch(events) {{ if (events.length !== 4) throw 'split'; {handler} }} function onTrack() {{ throw 'single' }}"
        deliver_by(shard, code, batches=True)
        await shard.start()
        await shard.route(*map(event, message_ids(4)))
        found = await shard.ended(4)
        counted = {}
        for (_, outcome, _), count in found.items():
            counted[outcome] = counted.get(outcome, 0) + count
        assert counted == totals

    async def test_events_are_delivered_one_by_one_where_there_is_no_batch_handler(self, shard: Shard):
        deliver_by(shard, "async function onTrack() {} // no onBatch", batches=True)
        await shard.start()
        await shard.route(*map(event, message_ids(4)))
        assert await shard.ended(4) == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 4}

    async def test_a_function_that_is_not_known_yet_is_waited_for(self, shard: Shard):
        deliver_by(shard, "async function onTrack() {}")
        known = shard.view.functions.pop("dfn_1")
        await shard.start()
        await shard.route(event("m"))
        await until(lambda: _awaits(shard))
        shard.view.functions["dfn_1"] = known
        totals = await shard.ended(1)
        assert sum(count for (_, outcome, _), count in totals.items() if outcome == "SUCCESSFUL_DELIVERY") == 1


class TestInserted:
    async def test_the_returned_event_goes_on(self, shard: Shard):
        insert(shard, "const onTrack = (event, settings) => ({...event, event: 'renamed', by: settings.by})", by="me")
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1}
        (attempt,) = shard.official.attempts
        (sent,) = map(json.loads, attempt.events)
        assert (sent["event"], sent["by"], sent["messageId"]) == ("renamed", "me", "m")

    @pytest.mark.parametrize(
        ("body", "reason", "is_kept"),
        [
            ("return", "FILTERED_AT_INSERT_FUNCTION", False),
            ("throw new DropEvent('not now')", "FILTERED_AT_INSERT_FUNCTION", False),
            ("throw new ValidationError('a')", "message_rejected", True),
            ("throw new Error('a')", "bad_request", True),
            ("return [event]", "bad_request", True),
        ],
    )
    async def test_what_does_not_return_an_event_ends_it(self, shard: Shard, body, reason, is_kept):
        insert(shard, f"async function onTrack(event) {{ {body} }}")
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", reason): 1}
        assert shard.official.attempts == []
        assert len(await rows(shard)) == is_kept

    async def test_where_a_required_setting_is_lacking_nothing_goes_further(self, shard: Shard):
        insert(shard, "const onTrack = (event) => event", required=("by", "key"), by="me")
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "invalid_settings"): 1}
        assert shard.official.attempts == []

    async def test_a_type_without_a_handler_goes_no_further(self, shard: Shard):
        """FC-77."""
        insert(shard, "const onTrack = (event) => event", trigger='type = "identify"')
        await shard.start()
        await shard.route(event("m", type="identify"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "unsupported_event_type"): 1}

    async def test_an_event_that_the_trigger_does_not_want_is_not_seen(self, shard: Shard):
        insert(shard, "async function onTrack() { throw new Error('seen') }", trigger='event = "wanted"')
        await shard.start()
        await shard.route(event("other"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING"): 1}

    async def test_of_a_batch_the_rest_goes_on(self, shard: Shard):
        insert(shard, "const onTrack = (event) => event.event === 'm1' ? undefined : event")
        shard.view.change("d", subscriptions=[subscription(enable_batching=True)])
        await shard.start()
        await shard.route(*map(event, message_ids(3)))
        totals = await shard.ended(3)
        assert totals["d", "FILTERED_AT_DESTINATION", "FILTERED_AT_INSERT_FUNCTION"] == 1
        (attempt,) = shard.official.attempts
        assert [json.loads(body)["messageId"] for body in attempt.events] == ["m0", "m2"]

    @pytest.mark.parametrize(
        ("body", "passed", "totals"),
        [
            ("return events.map((event) => ({...event, seen: true}))", ["m0", "m1", "m2"], {}),
            ("return events.filter((event) => event.event !== 'm1').reverse()", ["m0", "m2"], {DROPPED: 1}),
            ("return [events[0], null, 7]", ["m0"], {DROPPED: 1, "bad_request": 1}),
            ("return []", [], {DROPPED: 3}),
            ("return [...events, ...events]", ["m0", "m1", "m2"], {}),
            ("return", [], {"bad_request": 3}),
            ("throw new DropEvent('all')", [], {DROPPED: 3}),
            ("throw new InvalidEventPayload('all')", [], {"message_rejected": 3}),
        ],
    )
    async def test_a_batch_handler_returns_what_passes(self, shard: Shard, body, passed, totals):
        """By place where it returns as many as it was given, by message id else (functions.md §3.2)."""
        insert(shard, f"async function onBatch(events) {{ {body} }} const onTrack = () => {{ throw 'single' }}")
        shard.view.change("d", subscriptions=[subscription(enable_batching=True)])
        await shard.start()
        await shard.route(*map(event, message_ids(3)))
        found = await shard.ended(3)
        assert {
            reason: n for (_, outcome, reason), n in found.items() if outcome == "FILTERED_AT_DESTINATION"
        } == totals
        sent = [json.loads(text)["messageId"] for attempt in shard.official.attempts for text in attempt.events]
        assert sent == passed

    async def test_a_retry_error_is_tried_again_until_it_passes(self, shard: Shard):
        insert(
            shard,
            "let count = 0; const onTrack = (event) => { if (count++ < 1) throw new RetryError('a'); return event }",
        )
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals["d", "AWAITING_RETRY", "retry"] == 1
        assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1

    @pytest.mark.parametrize("batches", [False, True])
    async def test_before_a_destination_that_is_a_function_it_has_its_say_too(self, shard: Shard, batches):
        """functions.md §1: a destination function is a destination in cloud mode, and has a stage D9 as any other."""
        with Receiver() as receiver:
            handler = "async function onBatch(events) { for (const event of events) await onTrack(event) }"
            deliver_by(shard, SEND.replace("settings.url", f"'{receiver.url}'") + handler, batches=batches)
            insert_too(shard, "const onTrack = (event, {by}) => event.event === 'm1' ? null : {...event, by}", by="me")
            await shard.start()
            await shard.route(*map(event, message_ids(3)))
            totals = await shard.ended(3)
            sent = {(one.json()["messageId"], one.json()["by"]) for one in receiver.requests}
        assert sent == {("m0", "me"), ("m2", "me")}
        assert totals == {
            ("d", "FILTERED_AT_DESTINATION", DROPPED): 1,
            ("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 2,
        }

    async def test_what_it_returns_without_a_type_the_function_behind_it_does_not_know(self, shard: Shard):
        deliver_by(shard, "function onTrack() {}")
        insert_too(shard, "const onTrack = ({type, ...rest}) => rest")
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "UNSUPPORTED_EVENT_TYPE"): 1}

    async def test_settings_that_cannot_be_opened_fail_the_event(self, shard: Shard):
        insert(shard, "const onTrack = (event) => event")
        shard.view.change("d", insertion=InsertionSnapshot("ifnd_1", b"{}", b"broken"))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "INVALID_SETTINGS"): 1}


async def test_what_waits_for_a_function_waits_where_its_time_does_not_count(shard: Shard):
    deliver_by(shard, "const onTrack = () => new Promise((ok) => setTimeout(ok, 300))")
    shard.settings = msgspec.structs.replace(FAST, attempt_seconds=5.5)
    await shard.start()
    await shard.route(*map(event, message_ids(60)))
    assert await shard.ended(60) == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 60}


@pytest.mark.parametrize("kind", ["destination", "insert"])
async def test_a_function_that_ends_every_process_names_each_end_and_holds_its_events_until_another_version(
    shard: Shard, pool: FunctionPool, kind: str
):
    """sandbox.md §10: what it ended is refused for good, what it was not started for waits."""
    use = deliver_by if kind == "destination" else insert
    use(shard, f"onTrack = () => Buffer.constructor('Deno.exit()')() // {kind}")
    shard.settings = msgspec.structs.replace(FAST, retry_seconds=(0.2,) * 9, circuit_failures=2, probe_seconds=0.3)
    before = pool.started
    engine = await shard.start()
    await shard.route(*map(event, message_ids(40)))
    await until(lambda: engine.status()["open_circuits"] == ["d"])
    assert len(pool.held()) == 1
    assert pool.started - before <= 8
    use(shard, f"onTrack = (event) => event // {kind}")
    totals = await shard.ended(40)
    ends = ("FAILED_DELIVERY", "BAD_REQUEST") if kind == "destination" else ("FILTERED_AT_DESTINATION", "bad_request")
    waits = "INTERNAL" if kind == "destination" else "internal"
    assert 1 <= totals["d", *ends] <= 7
    assert totals["d", "AWAITING_RETRY", waits] >= 1
    assert {key[1:] for key in totals if key[1] != "SUCCESSFUL_DELIVERY"} == {ends, ("AWAITING_RETRY", waits)}
    assert sum(count for key, count in totals.items() if key[1] != "AWAITING_RETRY") == 40
    assert {b"the function ended its process" in row.response for row in await rows(shard)} == {True}


async def test_eight_that_hang_cost_the_events_of_another_no_attempt(shard: Shard):
    """As many as there are processes, each with all the events that it may have in flight, before the other begins."""
    always = SubscriptionSnapshot("f", "f", "", ALL, b"{}", True)
    async with FunctionPool(OutboundPolicy(), FunctionSettings(processes=8)) as pool:
        shard.outside = FunctionAttempter(shard.official, pool, shard.view, PlainSealer())
        code = "onTrack = () => new Promise(() => {})"
        shard.view.functions["hangs"] = FunctionSnapshot("hangs", "w", 1, "F", "DESTINATION", code)
        for number in range(8):
            shard.view.put(destination(f"hangs-{number}", always, function_id="hangs"))
        engine = await shard.start()
        await shard.route(*map(event, message_ids(20)))
        await until(lambda: pool.standing == 8 and engine.status()["in_flight"] == 80)
        deliver_by(shard, "async function onTrack() {} // works")
        await shard.route(*map(event, message_ids(20, "later")))
        await until(lambda: _delivered_at_once(shard, "d", 20))
        assert {key[1:] for key in await shard.totals() if key[0] == "d"} == {
            ("SUCCESSFUL_DELIVERY", "successes.attempt.1")
        }
        await shard.kill()


async def _delivered_at_once(shard: Shard, identifier: str, count: int) -> bool:
    return (await shard.totals())[identifier, "SUCCESSFUL_DELIVERY", "successes.attempt.1"] >= count
