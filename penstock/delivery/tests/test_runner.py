"""Delivery with the official code in a real runner, to a receiver on loopback."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from penstock.delivery.runner import RunnerAttempter
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.js import RunnerPool
from penstock.js.deno import BUNDLE
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.snapshot import SubscriptionSnapshot
from penstock.testing.outside import Shard, destination, event, message_ids, until
from penstock.testing.receiver import Receiver, Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not BUNDLE.is_file(), reason="the runner's bundle is not built"),
]

WEBHOOK = "614a3c7d791c91c41bae7599"
FAST = Settings(
    retry_seconds=(0.05, 0.1, 0.1), retry_jitter=0.0, settle_seconds=0.02, batch_wait_seconds=0.1, attempt_seconds=30.0
)
IMPATIENT = msgspec.structs.replace(FAST, attempt_seconds=2.0)
"""Where attempts are meant to run out of time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[RunnerPool]:
    async with RunnerPool(OutboundPolicy()) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def shard(nats_server, pool: RunnerPool) -> AsyncIterator[Shard]:
    log = await Log.connect(nats_server.url, token=nats_server.token)
    made = await Shard(log, FAST).make()
    made.outside = RunnerAttempter(pool)
    yield made
    await made.kill()
    await log.close()


def webhook(url: str, identifier: str = "s1", trigger: str = 'type = "track"', **mapping) -> SubscriptionSnapshot:
    mapping = {"url": url, "method": "POST", "data": {"@path": "$."}, **mapping}
    return SubscriptionSnapshot(identifier, identifier, "send", trigger, json.dumps(mapping).encode(), True)


def to(url: str, *subscriptions: SubscriptionSnapshot):
    return destination("d", *(subscriptions or [webhook(url)]), metadata_id=WEBHOOK)


async def test_the_event_arrives_as_it_was_routed(shard: Shard):
    with Receiver() as receiver:
        shard.view.put(to(receiver.url + "/hook"))
        await shard.start()
        await shard.route(event("m", properties={"amount": 12.5}))
        totals = await shard.ended(1)
        assert totals == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1}
        (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert (request.json()["messageId"], request.json()["properties"]) == ("m", {"amount": 12.5})


async def test_triggers_decide_and_an_event_that_none_wants_is_named(shard: Shard):
    with Receiver() as receiver:
        first = webhook(receiver.url + "/first", "s1", 'event = "one"')
        second = webhook(receiver.url + "/second", "s2", 'type = "track" and event != "none"')
        shard.view.put(to(receiver.url, first, second))
        await shard.start()
        await shard.route(*(event(name, event=name) for name in ("one", "two", "none")))
        await shard.ended(4)
        finals = await shard.finals()
    assert finals == {("d", "s1", "one"): 1, ("d", "s2", "one"): 1, ("d", "s2", "two"): 1, ("d", "", "none"): 1}


async def test_a_partner_that_answers_500_at_every_attempt_is_quarantined_with_its_last_response(shard: Shard):
    with Receiver(lambda _: Reply(500, body=b"still broken")) as receiver:
        shard.view.put(to(receiver.url))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals["d", "FAILED_DELIVERY", "500"] == 1
        assert len(receiver.requests) == len(FAST.retry_seconds) + 1
    (message,) = await shard.written("quarantine.d")
    row = delivery.quarantine_decoder.frame(message.payload)[0].rows[0]
    assert row.attempts == 4
    assert b"500" in row.response


async def test_a_partner_that_stays_silent_is_a_retryable_timeout(shard: Shard):
    shard.settings = IMPATIENT
    replies = iter([Reply(0), Reply()])
    with Receiver(lambda _: next(replies)) as receiver:
        shard.view.put(to(receiver.url))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
    assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1
    assert sum(count for (_, outcome, _), count in totals.items() if outcome == "AWAITING_RETRY") == 1


async def test_a_429_with_retry_after_takes_a_rung_that_is_long_enough(shard: Shard):
    replies = iter([Reply(429, {"Retry-After": "1"}), Reply()])
    with Receiver(lambda _: next(replies)) as receiver:
        shard.settings = msgspec.structs.replace(FAST, retry_seconds=(0.05, 1.0, 5.0))
        shard.view.put(to(receiver.url))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
    assert totals["d", "AWAITING_RETRY", "429"] == 1
    assert len(await shard.written("retry.1")) == 1
    assert not await shard.written("retry.0")


async def test_a_connection_refused_is_tried_again_and_heals(shard: Shard):
    with Receiver() as receiver:
        receiver.silence()
        shard.view.put(to(receiver.url))
        await shard.start()
        await shard.route(event("m"))
        await until(lambda: _awaits(shard, "ECONNREFUSED"))
        receiver.listen()
        totals = await shard.ended(1)
    assert any(outcome == "SUCCESSFUL_DELIVERY" for _, outcome, _ in totals)


async def test_a_redirect_to_a_private_address_is_refused_for_good(shard: Shard):
    with Receiver(lambda _: Reply(302, {"Location": "http://169.254.169.254/latest"})) as receiver:
        shard.view.put(to(receiver.url))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
    assert totals == {("d", "FAILED_DELIVERY", "INVALID_SETTINGS"): 1}


async def test_a_partner_without_tls_where_tls_was_asked_for_fails(shard: Shard):
    shard.settings = IMPATIENT
    with Receiver() as receiver:
        shard.view.put(to(receiver.url.replace("http:", "https:")))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
    assert not receiver.requests
    assert {outcome for _, outcome, _ in totals} <= {"FAILED_DELIVERY", "AWAITING_RETRY"}


async def test_a_batching_mapping_sends_one_request(shard: Shard):
    with Receiver() as receiver:
        shard.view.put(to(receiver.url, webhook(receiver.url, enable_batching=True, batch_size=50)))
        await shard.start()
        await shard.route(*map(event, message_ids(20)))
        totals = await shard.ended(20)
        assert totals == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 20}
        (request,) = receiver.requests
    assert [one["messageId"] for one in request.json()] == message_ids(20)


async def test_a_batch_never_mixes_two_addresses(shard: Shard):
    with Receiver() as receiver:
        mapping = webhook({"@path": "$.properties.hook"}, enable_batching=True, batch_keys=["url", "method", "headers"])
        shard.view.put(to(receiver.url, mapping))
        await shard.start()
        hooks = [f"{receiver.url}/{number % 2}" for number in range(6)]
        await shard.route(*(event(f"m{number}", properties={"hook": hook}) for number, hook in enumerate(hooks)))
        await shard.ended(6)
        arrived = {one.path: [each["messageId"] for each in one.json()] for one in receiver.requests}
    assert arrived == {"/0": ["m0", "m2", "m4"], "/1": ["m1", "m3", "m5"]}


async def test_an_event_of_a_batch_that_the_trigger_does_not_want_is_named_and_not_sent(shard: Shard):
    with Receiver() as receiver:
        mapping = webhook(receiver.url, trigger='event = "wanted"', enable_batching=True)
        shard.view.put(to(receiver.url, mapping))
        await shard.start()
        await shard.route(event("m1", event="wanted"), event("m2", event="other"))
        totals = await shard.ended(2)
        assert [one["messageId"] for one in receiver.requests[0].json()] == ["m1"]
    assert totals["d", "FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING"] == 1


async def _awaits(shard: Shard, reason: str) -> bool:
    return (await shard.totals())["d", "AWAITING_RETRY", reason] > 0
