"""The whole engine on a real log, with a scripted outside."""

import asyncio

import pytest

from penstock.delivery.settling.settle import ShardTaken
from penstock.infra.log import Log
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.kit.time import format_iso
from penstock.spec import delivery, routed
from penstock.spec.facts import latency_limit
from penstock.testing.outside import (
    DELIVERED,
    NOT_SUBSCRIBED,
    REFUSED,
    SERVER_ERROR,
    Shard,
    destination,
    event,
    message_ids,
    subscription,
    until,
)

FAST = Settings(
    retry_seconds=(0.05, 0.1, 0.1),
    retry_jitter=0.0,
    settle_seconds=0.02,
    probe_seconds=0.2,
    batch_wait_seconds=0.1,
    attempt_seconds=0.2,
    drain_seconds=2.0,
)


@pytest.fixture
async def shard(log: Log):
    made = await Shard(log, FAST).make()
    yield made
    await made.kill()


def received(message_id, *, version="1.2", ago_ms=0):
    """An event of an app, that came so long ago."""
    came = format_iso(SystemClock().now_ms() - ago_ms)
    return event(message_id, receivedAt=came, context={"app": {"name": "x", "version": version}})


class TestCounts:
    async def test_ends_at_a_destination_tell_the_app_version_by_whichever_way_they_came(self, shard: Shard):
        answers = {"retried": [SERVER_ERROR, DELIVERED], "refused": [REFUSED], "failed": [SERVER_ERROR] * 9}
        wants = {"unwanted": NOT_SUBSCRIBED}
        shard.outside.answer = lambda _, each: wants.get(each) or answers[each].pop(0)
        shard.view.put(destination("d"))
        await shard.start()
        for name in (*answers, *wants):
            await shard.route(received(name))
        no_version = {"context": {"app": "x"}, "integrations": {"All": False}}
        await shard.route(received("none") | no_version)
        await shard.ended(5)
        versions = {(one.event_name, one.outcome): one.app_version for one in await shard.outcomes()}
        assert versions == {
            ("retried", "AWAITING_RETRY"): "1.2",
            ("retried", "SUCCESSFUL_DELIVERY"): "1.2",
            ("refused", "FAILED_DELIVERY"): "1.2",
            ("failed", "AWAITING_RETRY"): "1.2",
            ("failed", "FAILED_DELIVERY"): "1.2",
            ("unwanted", "FILTERED_AT_DESTINATION"): "1.2",
            ("none", "FILTERED_AT_DESTINATION"): "",
        }

    async def test_how_long_a_delivery_took_is_measured_from_when_its_event_was_received(self, shard: Shard):
        answers = {"slow": [DELIVERED], "retried": [SERVER_ERROR, DELIVERED], "refused": [REFUSED], "m": [DELIVERED]}
        shard.outside.answer = lambda _, each: answers[each].pop(0)
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(
            received("slow", ago_ms=60_000), received("retried"), received("refused"), event("m", receivedAt="")
        )
        await shard.ended(4)
        found = {one.bucket: one for one in await shard.latencies()}
        assert sum(one.count for one in found.values()) == 2, "neither what was refused nor what does not tell its time"
        assert {(one.destination_id, one.source_id) for one in found.values()} == {("d", "web")}
        quick, slow = min(found), max(found)
        assert 50 <= latency_limit(quick) < 10_000
        assert 60_000 <= latency_limit(slow) < 75_000


class TestOneEvent:
    async def test_an_event_is_delivered_and_counted_once(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"): 1}

    async def test_an_event_that_matches_two_mappings_has_two_outcomes(self, shard: Shard):
        shard.view.put(destination("d", subscription("s1"), subscription("s2")))
        await shard.start()
        await shard.route(event("m"))
        await shard.ended(2)
        assert await shard.finals() == {("d", "s1", "m"): 1, ("d", "s2", "m"): 1}

    async def test_an_event_that_no_mapping_wants_has_one_outcome_with_an_empty_subscription(self, shard: Shard):
        shard.outside.answer = lambda *_: NOT_SUBSCRIBED
        shard.view.put(destination("d", subscription("s1"), subscription("s2")))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING"): 1}
        assert await shard.finals() == {("d", "", "m"): 1}

    async def test_a_mapping_that_does_not_match_leaves_no_outcome_where_another_one_matches(self, shard: Shard):
        shard.outside.answer = lambda attempt, _: NOT_SUBSCRIBED if attempt.subscription.id == "s2" else DELIVERED
        shard.view.put(destination("d", subscription("s1"), subscription("s2")))
        await shard.start()
        await shard.route(event("m1"))
        await shard.route(event("m2"))
        await shard.ended(2)
        await shard.stop()
        assert await shard.finals() == {("d", "s1", "m1"): 1, ("d", "s1", "m2"): 1}

    async def test_a_destination_without_mappings_ends_its_events_as_not_matching(self, shard: Shard):
        shard.view.put(destination("d", subscription("s1", enabled=False)))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING"): 1}

    async def test_an_event_of_another_source_is_not_delivered(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("other"), source="app")
        await shard.route(event("ours"))
        await shard.ended(1)
        assert await shard.finals() == {("d", "s1", "ours"): 1}

    async def test_an_event_is_filtered_by_its_integrations_object(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m", integrations={"All": False}))
        assert await shard.ended(1) == {("d", "FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT"): 1}

    async def test_settings_that_cannot_be_opened_fail_the_delivery(self, shard: Shard):
        shard.view.put(destination("d", sealed_settings=b"broken"))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "INVALID_SETTINGS"): 1}

    async def test_a_blocked_event_goes_to_the_quarantine_of_its_source_alone(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"), fate=routed.BLOCKED)
        await until(lambda: _has(shard, "quarantine.web"))
        (message,) = await shard.written("quarantine.web")
        head, body = delivery.quarantine_decoder.frame(message.payload)
        assert (head.destination_id, head.source_id) == ("", "web")
        assert (head.rows[0].reason, head.rows[0].message_id, head.rows[0].user_id) == ("unplanned", "m", "u-m")
        assert head.rows[0].is_before_lap
        assert b'"messageId": "m"' in bytes(body)
        assert not shard.outside.asked

    async def test_a_blocked_page_is_held_under_its_name(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m", type="page", event=None, name="Cart"), fate=routed.BLOCKED)
        await until(lambda: _has(shard, "quarantine.web"))
        (message,) = await shard.written("quarantine.web")
        assert delivery.quarantine_decoder.frame(message.payload)[0].rows[0].event_name == "Cart"

    async def test_an_event_for_a_function_is_passed_over(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("for-function"), fate=routed.FOR_FUNCTION)
        await shard.route(event("m"))
        await shard.ended(1)
        assert await shard.finals() == {("d", "s1", "m"): 1}


class TestRetries:
    async def test_a_partner_that_recovers_gets_the_event_with_one_final_outcome(self, shard: Shard):
        shard.outside.answer = lambda *_: SERVER_ERROR if sum(shard.outside.asked.values()) < 3 else DELIVERED
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals == {("d", "AWAITING_RETRY", "500"): 2, ("d", "SUCCESSFUL_DELIVERY", "successes.attempt.3"): 1}
        (last,) = [one for one in await shard.outcomes() if one.outcome == "SUCCESSFUL_DELIVERY"]
        assert last.retries == 1

    async def test_a_partner_that_fails_at_every_attempt_ends_as_failed_with_the_last_response(self, shard: Shard):
        shard.outside.answer = lambda *_: SERVER_ERROR
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals["d", "FAILED_DELIVERY", "500"] == 1
        assert sum(shard.outside.asked.values()) == len(FAST.retry_seconds) + 1
        (message,) = await shard.written("quarantine.d")
        row = delivery.quarantine_decoder.frame(message.payload)[0].rows[0]
        assert (row.reason, row.response, row.attempts, row.subscription_id) == ("500", b"out of order", 4, "s1")

    async def test_a_permanent_error_is_not_tried_again(self, shard: Shard):
        shard.outside.answer = lambda *_: REFUSED
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        assert await shard.ended(1) == {("d", "FAILED_DELIVERY", "400"): 1}
        assert sum(shard.outside.asked.values()) == 1

    async def test_a_silent_partner_is_a_retryable_timeout_and_no_stuck_worker(self, log: Log):
        shard = await Shard(log, FAST).make()
        shard.outside.answer = lambda _, message_id: _hang() if message_id == "hangs" else DELIVERED
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("hangs"), event("m"))
        await until(lambda: _counted(shard, ("d", "AWAITING_RETRY", "ETIMEDOUT")))
        assert (await shard.finals())["d", "s1", "m"] == 1
        await shard.kill()

    async def test_a_crash_of_the_attempt_is_tried_again(self, shard: Shard):
        def crash_once(*_):
            if sum(shard.outside.asked.values()) == 1:
                raise RuntimeError("a bug in a definition")
            return DELIVERED

        shard.outside.answer = crash_once
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals["d", "AWAITING_RETRY", "INTERNAL"] == 1

    async def test_after_the_retry_window_it_has_failed(self, log: Log):
        import msgspec

        shard = await Shard(log, msgspec.structs.replace(FAST, retry_window_seconds=0.04)).make()
        shard.outside.answer = lambda *_: SERVER_ERROR
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        totals = await shard.ended(1)
        assert totals["d", "FAILED_DELIVERY", "500"] == 1
        assert sum(shard.outside.asked.values()) == 1
        await shard.kill()

    async def test_a_mended_setting_heals_a_pending_retry(self, shard: Shard):
        shard.outside.answer = lambda attempt, _: DELIVERED if attempt.settings == b"mended" else SERVER_ERROR
        shard.view.put(destination("d", sealed_settings=b"wrong"))
        await shard.start()
        await shard.route(event("m"))
        await until(lambda: sum(shard.outside.asked.values()) == 1)
        shard.view.change("d", sealed_settings=b"mended")
        totals = await shard.ended(1)
        assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.2"] == 1

    @pytest.mark.parametrize(
        ("change", "reason"), [("disable", "DESTINATION_DISABLED"), ("remove", "DESTINATION_DELETED")]
    )
    async def test_a_retry_of_a_destination_that_went_is_discarded_by_name(
        self, shard: Shard, change: str, reason: str
    ):
        shard.outside.answer = lambda *_: SERVER_ERROR
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        await until(lambda: sum(shard.outside.asked.values()) == 1)
        if change == "disable":
            shard.view.change("d", enabled=False)
        else:
            shard.view.remove("d")
        totals = await shard.ended(1)
        assert totals["d", "FAILED_DELIVERY", reason] == 1
        assert not await shard.written("quarantine.d")

    async def test_a_retry_of_a_deleted_mapping_is_discarded_by_name(self, shard: Shard):
        shard.outside.answer = lambda *_: SERVER_ERROR
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m"))
        await until(lambda: sum(shard.outside.asked.values()) == 1)
        shard.view.change("d", subscriptions=[subscription("s2")])
        totals = await shard.ended(1)
        assert totals["d", "FAILED_DELIVERY", "SUBSCRIPTION_DELETED"] == 1


class TestStart:
    async def test_a_new_destination_gets_what_was_received_since_it_was_made_and_nothing_older(self, shard: Shard):
        await shard.start()
        now = shard.clock.now_ms()
        await shard.route(event("old"), received_at=now - 60_000)
        await shard.route(event("new"), received_at=now + 5)
        await until(lambda: shard.engine.status()["position"] == 2)
        shard.view.put(destination("d", created_at=now))
        await shard.ended(1)
        assert await shard.finals() == {("d", "s1", "new"): 1}

    async def test_an_old_event_that_is_routed_late_is_not_for_a_new_destination(self, shard: Shard):
        await shard.start()
        now = shard.clock.now_ms()
        shard.view.put(destination("d", created_at=now))
        await shard.route(event("old"), received_at=now - 60_000)
        old = event("in-between", receivedAt="2020-01-01T00:00:00.000Z")
        new = event("new", receivedAt="2120-01-01T00:00:00.000Z")
        await shard.route(old, new, received_at=now - 60_000)
        await shard.ended(1)
        await shard.stop()
        assert await shard.finals() == {("d", "s1", "new"): 1}

    async def test_a_destination_enabled_again_gets_nothing_of_the_time_between(self, shard: Shard):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m1"))
        await shard.ended(1)
        shard.view.change("d", enabled=False)
        await shard.route(event("m2"), received_at=shard.clock.now_ms())
        await until(lambda: shard.engine.status()["position"] == 2)
        shard.view.change("d", enabled=True, enabled_at=shard.clock.now_ms() + 1)
        await shard.route(event("m3"), received_at=shard.clock.now_ms() + 2)
        await shard.ended(2)
        await shard.stop()
        assert await shard.finals() == {("d", "s1", "m1"): 1, ("d", "s1", "m3"): 1}

    async def test_a_second_engine_takes_the_shard_and_the_first_one_ends(self, shard: Shard, log: Log):
        shard.view.put(destination("d"))
        await shard.start()
        await shard.route(event("m1"))
        await shard.ended(1)
        first, first_running = shard.engine, shard._running
        await shard.start()
        await shard.route(event("m2"))
        await until(lambda: first_running.done() or shard._running.done())
        ended = first_running if first_running.done() else shard._running
        assert isinstance(ended.exception(), ShardTaken)
        assert first is not shard.engine
        first_running.cancel()


class TestBatches:
    async def test_events_of_a_batching_mapping_go_together_and_end_one_by_one(self, shard: Shard):
        shard.outside.answer = lambda _, message_id: REFUSED if message_id == "m1" else DELIVERED
        shard.view.put(destination("d", subscription("s1", enable_batching=True, batch_size=3)))
        await shard.start()
        await shard.route(*map(event, message_ids(7)))
        totals = await shard.ended(7)
        assert totals["d", "SUCCESSFUL_DELIVERY", "successes.attempt.1"] == 6
        assert totals["d", "FAILED_DELIVERY", "400"] == 1
        assert sorted(len(attempt.events) for attempt in shard.outside.attempts) == [1, 3, 3]
        assert all(attempt.is_batch for attempt in shard.outside.attempts)

    async def test_only_the_retryable_event_of_a_batch_is_sent_again(self, shard: Shard):
        def answer(_, message_id):
            return SERVER_ERROR if message_id == "m2" and shard.outside.asked["d", "s1", "m2"] == 1 else DELIVERED

        shard.outside.answer = answer
        shard.view.put(destination("d", subscription("s1", enable_batching=True)))
        await shard.start()
        await shard.route(*map(event, message_ids(6)))
        await shard.ended(6)
        assert [len(attempt.events) for attempt in shard.outside.attempts] == [6, 1]


async def _hang() -> None:
    await asyncio.Event().wait()


async def _has(shard: Shard, subject: str) -> bool:
    return bool(await shard.written(subject))


async def _counted(shard: Shard, key: tuple[str, str, str]) -> bool:
    return (await shard.totals())[key] > 0
