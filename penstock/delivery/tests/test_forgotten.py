"""Delivery reads history: what came of people before they were deleted is neither delivered, retried nor kept.

So is what waits of people who are suppressed meanwhile, though it was taken before.
"""

import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from penstock.infra.log import Log
from penstock.kit.settings import Settings
from penstock.spec.delivery import stream_name
from penstock.spec.routed import BLOCKED, FOR_FUNCTION
from penstock.spec.snapshot import DeletionSnapshot, SubscriptionSnapshot, SuppressionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, packed
from penstock.testing.outside import DELIVERED, SERVER_ERROR, Shard, destination, event, until

FAST = Settings(retry_seconds=(0.2, 0.2), retry_jitter=0.0, settle_seconds=0.02)
KEY = b"k" * 32
ALL_EVENTS = SubscriptionSnapshot("s1", "s1", "", 'type != "nothing"', b"{}", True)


def deletion(user_id: str) -> DeletionSnapshot:
    digests = packed([SubjectHasher(KEY, SubjectType.USER_ID).digest(user_id)])
    return DeletionSnapshot("d1", "w", 1, "", KEY, SubjectType.USER_ID, round(time.time() * 1000), digests)


@pytest.fixture
async def shard(nats_server) -> AsyncIterator[Shard]:
    log = await Log.connect(nats_server.url, token=nats_server.token)
    made = await Shard(log, FAST).make()
    yield made
    await made.kill()
    await log.close()


async def test_what_waits_to_be_read_or_retried_ends_by_name(shard: Shard) -> None:
    shard.outside.answer = lambda _, message_id: SERVER_ERROR if message_id == "retried" else DELIVERED
    shard.view.put(destination("d"))
    await shard.start()
    mine = {"userId": "u-9"}
    await shard.route(event("retried", **mine), event("sent", **mine), event("other"))
    await shard.ended(2)
    shard.view.deletions = (deletion("u-9"),)
    await shard.route(event("late", **mine), received_at=deletion("u-9").before - 1_000)
    await shard.route(event("new", **mine), received_at=deletion("u-9").before + 60_000)
    totals = await shard.ended(5)
    assert totals["d", "FILTERED_AT_DESTINATION", "USER_DELETED"] == 1
    assert totals["d", "FAILED_DELIVERY", "USER_DELETED"] == 1
    assert {message_id for _, _, message_id in shard.outside.delivered} == {"sent", "other", "new"}


def suppression(user_id: str) -> SuppressionSnapshot:
    digests = packed([SubjectHasher(KEY, SubjectType.USER_ID).digest(user_id)])
    return SuppressionSnapshot("p1", "w", 1, "", KEY, 1, suppressed=digests)


async def _have_two_retried(shard: Shard) -> None:
    """An event of u-9 and another one wait for a destination that is down."""
    shard.outside.answer = lambda *_: SERVER_ERROR
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("mine", userId="u-9"), event("other"))
    await until(lambda: shard.outside.asked["d", "s1", "mine"] > 0 and shard.outside.asked["d", "s1", "other"] > 0)


async def test_a_retry_of_somebody_who_is_suppressed_ends_by_name_and_comes_back_no_more(shard: Shard) -> None:
    await _have_two_retried(shard)
    shard.view.suppressions = (suppression("u-9"),)
    totals = await shard.ended(1)
    assert totals["d", "FAILED_DELIVERY", "USER_SUPPRESSED"] == 1
    asked = shard.outside.asked["d", "s1", "mine"]
    shard.view.suppressions = ()
    shard.outside.answer = lambda *_: DELIVERED
    assert (await shard.ended(2))["d", "FAILED_DELIVERY", "USER_SUPPRESSED"] == 1
    await shard.route(event("new", userId="u-9"))
    await shard.ended(3)
    assert shard.outside.asked["d", "s1", "mine"] == asked
    assert {message_id for _, _, message_id in shard.outside.delivered} == {"other", "new"}
    assert not await _kept(shard)


async def test_what_waited_through_a_whole_suppression_comes_back_no_more(shard: Shard) -> None:
    """Its next try was not due before the suppression had ended."""
    await _have_two_retried(shard)
    end = msgspec.structs.replace(deletion("u-9"), ends_suppression=True)
    shard.view.deletions = (end,)
    totals = await shard.ended(1)
    assert totals["d", "FAILED_DELIVERY", "USER_SUPPRESSED"] == 1
    shard.outside.answer = lambda *_: DELIVERED
    await shard.ended(2)
    await shard.route(event("new", userId="u-9"), received_at=end.before + 60_000)
    await shard.ended(3)
    assert {message_id for _, _, message_id in shard.outside.delivered} == {"other", "new"}
    assert not await _kept(shard)


async def test_a_destination_that_is_behind_gets_nothing_of_somebody_who_is_suppressed_meanwhile(shard: Shard) -> None:
    shard.view.put(destination("d"))
    await shard.start()
    await shard.route(event("first"))
    await shard.ended(1)
    await shard.stop()
    await shard.route(event("mine", userId="u-9"), event("other"))
    shard.view.suppressions = (suppression("u-9"),)
    shard.view.put(destination("late", created_at=1))
    await shard.start()
    totals = await shard.ended(5)
    assert totals["late", "FILTERED_AT_DESTINATION", "USER_SUPPRESSED"] == 1
    assert ("late", "s1", "mine") not in shard.outside.delivered


async def test_what_fails_for_good_is_not_kept_where_its_person_was_deleted(shard: Shard) -> None:
    shard.view.put(destination("d"))
    engine = await shard.start()
    shard.view.deletions = (deletion("u-9"),)
    await shard.route(
        event("blocked", userId="u-9"), event("kept"), fate=BLOCKED, received_at=deletion("u-9").before - 1_000
    )
    await until(lambda: engine.status()["position"] == 1)
    await until(lambda: _kept(shard))
    kept = await _kept(shard)
    assert b"u-kept" in kept
    assert b"u-9" not in kept


async def _kept(shard: Shard) -> bytes:
    """What stands in quarantine; empty until something does."""
    subject = f"delivery.{shard.number}.quarantine.*"
    found = await shard.log.get_batch(stream_name(shard.number), 1, subject=subject)
    return b"".join(message.payload for message in found)


async def test_a_request_to_a_source_function_that_names_them_is_neither_run_retried_nor_kept(shard: Shard) -> None:
    """It has no id of its own: they are looked for among all its values."""
    shard.outside.answer = lambda _, message_id: SERVER_ERROR if message_id.startswith("retried") else DELIVERED
    shard.view.put(destination("lap", ALL_EVENTS, function_id="f", lap="SOURCE"))
    await shard.start()
    await shard.route(request("retried", "u-9"), fate=FOR_FUNCTION)
    await until(lambda: shard.outside.asked["lap", "s1", "retried"] > 0)
    shard.view.deletions = (deletion("u-9"),)
    before = deletion("u-9").before - 1_000
    await shard.route(request("late", "u-9"), request("other", "u-8"), fate=FOR_FUNCTION, received_at=before)
    totals = await shard.ended(3)
    assert totals["lap", "FILTERED_AT_DESTINATION", "USER_DELETED"] == 1
    assert totals["lap", "FAILED_DELIVERY", "USER_DELETED"] == 1
    assert {message_id for _, _, message_id in shard.outside.delivered} == {"other"}
    assert await _kept(shard) == b""


def request(message_id: str, user_id: str) -> dict[str, object]:
    """The type is that of its row, and not told to anybody."""
    body = f'{{"customer":{{"id":"{user_id}"}}}}'
    return {"type": "track", "messageId": message_id, "url": "http://x/", "headers": [], "body": body, "isForm": False}
