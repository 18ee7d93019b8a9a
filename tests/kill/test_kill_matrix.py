"""SIGKILL everywhere, under load: no acknowledged event is lost, none is doubled, every count is exact.

`PENSTOCK_KILL_SEED` repeats a run; `PENSTOCK_KILL_RANDOM` sets how many random kills follow the fixed rounds.
"""

import os
import shutil
import time
from collections import Counter, defaultdict

import made
import pytest
import ruled
from kill_scene import FINAL, ROLES, ROUNDS, Round, Scene

from penstock.spec.frame import count_of
from penstock.spec.outcome import SourceReason
from penstock.spec.routed import BLOCKED, ROUTED_TO_ALL
from penstock.testing.instance import wait_until
from penstock.testing.observing import finals, outcomes
from penstock.testing.receiver import Receiver
from penstock.testing.routed_log import (
    count_in,
    covered_twice,
    decode,
    forget_all_but,
    log_address,
    messages_of,
    routed_events,
)
from penstock.testing.setup import data_of
from penstock.testing.workload import Workload

SEED = int(os.environ.get("PENSTOCK_KILL_SEED", "20261125"))
RANDOM_KILLS = int(os.environ.get("PENSTOCK_KILL_RANDOM", "10"))


@pytest.fixture(scope="module")
def played(tmp_path_factory, report):
    """The scene after all rounds, settled, with what its log held."""
    folder = tmp_path_factory.mktemp("kill")
    with Receiver() as receiver:
        scene = Scene(folder, receiver, SEED)
        scene.set_up()
        started = time.monotonic()
        try:
            with scene.load, scene.ruled_load, scene.calls:
                scene.wait_for_flow()
                scene.play(ROUNDS)
                scene.play([Round(scene.random.choice(ROLES)) for _ in range(RANDOM_KILLS)])
            scene.settle()
            address = log_address(scene.instance.pid_of("engine"))
            through = routed_events(address, fate=ROUTED_TO_ALL)
            scene.routed = [event for event in through if event["projectId"] == scene.source["id"]]
            scene.ruled = [event for event in through if event["projectId"] == scene.ruled_source["id"]]
            scene.blocked = routed_events(address, fate=BLOCKED)
            scene.covered_twice = covered_twice(address)
            scene.delivery = messages_of(address, "DELIVERY-0")
            yield scene
        finally:
            report.append(f"seed {SEED}: {len(scene.load.acknowledged)} events, {time.monotonic() - started:.0f} s")
            report.extend(scene.report)
            scene.instance.stop()


def acknowledged(scene):
    return {sent.message_id for sent in scene.load.acknowledged}


class TestNothingIsLostAndNothingDoubled:
    def test_every_acknowledged_event_is_in_routed_exactly_once(self, played):
        counts = Counter(event["messageId"] for event in played.routed)
        assert set(counts) == acknowledged(played)
        assert {message_id: count for message_id, count in counts.items() if count != 1} == {}

    def test_every_accepted_frame_is_covered_once(self, played):
        assert played.covered_twice == []

    def test_every_acknowledged_event_is_in_the_warehouse_exactly_once(self, played):
        for table in ("tracks", "step_done"):
            rows = played.instance.sql(f"select id, count(*) as n from kills.{table} group by id")
            assert {row["id"] for row in rows} == acknowledged(played), table
            assert {row["n"] for row in rows} == {1}, table

    @pytest.mark.parametrize("name", ["good", "flaky", "down"])
    def test_every_acknowledged_event_reached_each_webhook(self, played, name):
        assert acknowledged(played) <= set(played.webhooks.bodies[name])

    def test_the_order_of_each_visitor_holds_in_routed(self, played):
        numbers = defaultdict(list)
        for event in played.routed:
            numbers[event["anonymousId"]].append(event["properties"]["number"])
        for visitor, found in numbers.items():
            assert found == sorted(found), visitor


class TestByRules:
    """The source with a plan, a transformation, a filter and functions, beside the one without."""

    def test_every_acknowledged_event_is_routed_or_blocked_once_as_the_plan_says(self, played):
        sent = played.ruled_load.acknowledged
        assert Counter(event["messageId"] for event in played.ruled) == Counter(ids_of(sent, blocked=False))
        assert Counter(event["messageId"] for event in played.blocked) == Counter(ids_of(sent, blocked=True))

    def test_each_was_changed_by_the_function_and_then_the_transformation_of_its_source(self, played):
        numbers = {sent.message_id: sent.number for sent in played.ruled_load.acknowledged}
        for event in played.ruled:
            assert event["properties"] == {"step": numbers[event["messageId"]], "at_source": True}
        for event in played.blocked:
            assert event["properties"] == {"number": numbers[event["messageId"]], "at_source": True}

    def test_the_warehouse_has_each_that_was_let_through_once(self, played):
        rows = played.instance.sql("select id, step, at_source from ruled.step_done")
        expected = {
            sent.message_id: sent.number for sent in played.ruled_load.acknowledged if not ruled.is_blocked(sent)
        }
        assert len(rows) == len(expected)
        assert {row["id"]: row["step"] for row in rows} == expected
        assert all(row["at_source"] for row in rows)

    def test_the_webhook_got_each_that_the_filter_let_through_as_its_transformation_and_function_left_it(self, played):
        sent = [each for each in played.ruled_load.acknowledged if not ruled.is_blocked(each)]
        assert played.webhooks.properties["ruled"] == {
            each.message_id: {"stage": each.number, "at_source": True, "at_destination": True}
            for each in sent
            if not ruled.is_dropped(each)
        }

    def test_every_count_is_exact(self, played):
        sent = played.ruled_load.acknowledged
        blocked, dropped = len(ids_of(sent, blocked=True)), sum(map(ruled.is_dropped, sent))
        found = outcomes(played.instance, of_source_itself=True, source_id=played.ruled_source["id"])
        # What a client sent again may be one; what a function was given again is not.
        assert found.pop(("FAILED_ON_INGEST", "duplicate"), 0) <= played.ruled_load.repeated
        assert found == {
            ("SUCCESSFULLY_RECEIVED", ""): len(sent),
            ("FILTERED_AT_SOURCE", SourceReason.SCHEMA_VIOLATION): blocked,
        }
        ends = Counter()
        for (outcome, reason), count in finals(played.instance, played.destinations["ruled"]).items():
            ends[outcome, reason if outcome == "FILTERED_AT_DESTINATION" else ""] += count
        assert ends == {
            ("SUCCESSFUL_DELIVERY", ""): len(sent) - blocked - dropped,
            ("FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"): dropped,
        }


def failed_at(instance, destination_id):
    """What quarantine tells of the deliveries that failed there, for whoever reads why a test did."""
    with instance.api() as api:
        return data_of(api.get("/penstock/quarantine", params={"destinationId": destination_id}))["events"]


class TestByFunctions:
    """The source whose events a function makes of requests, and whose destination is a function."""

    def rows(self, played):
        return [(row["number"], row["place"]) for row in played.instance.sql(f"select number, place from {made.TABLE}")]

    def test_each_request_that_was_answered_made_its_events_once_in_the_warehouse(self, played):
        found = Counter(self.rows(played))
        numbers = {number for number, _ in found}
        assert found == Counter((number, place) for number in numbers for place in range(made.EVENTS))
        assert played.calls.answered <= numbers <= played.calls.answered | played.calls.unanswered
        assert len(played.calls.answered) > 30

    def test_each_event_reached_the_outside_by_the_function_of_the_destination(self, played):
        told = {(one["number"], one["place"]) for one in played.webhooks.properties["made"].values()}
        assert told == set(self.rows(played))
        assert len(played.webhooks.bodies["made"]) == len(told), "a run that was repeated made the same ids"

    def test_every_run_and_every_event_has_ended_once(self, played):
        events = len(self.rows(played))
        ran, ended = Counter(), Counter()
        for (outcome, _), count in finals(played.instance, played.made_runs).items():
            ran[outcome] += count
        for (outcome, _), count in finals(played.instance, played.made_destination).items():
            ended[outcome] += count
        assert ran == {"SUCCESSFUL_DELIVERY": events // made.EVENTS}
        assert ended == {"SUCCESSFUL_DELIVERY": events}, failed_at(played.instance, played.made_destination)
        received = outcomes(played.instance, of_source_itself=True, source_id=played.made_source["id"])
        assert received == {("SUCCESSFULLY_RECEIVED", ""): events}, "a run that was repeated is no duplicate"


def ids_of(sent, *, blocked):
    return ruled.ids(each for each in sent if ruled.is_blocked(each) is blocked)


class TestCountsAreExact:
    def test_received_is_the_number_of_distinct_acknowledged_ids(self, played):
        received = {
            row["outcome"]: row["count"]
            for row in played.outcomes("outcome,destination_id")
            if not row["destination_id"] and row["outcome"] == "SUCCESSFULLY_RECEIVED"
        }
        of_functions = outcomes(played.instance, of_source_itself=True, source_id=played.made_source["id"])
        expected = len(acknowledged(played)) + len(played.ruled_load.acknowledged) + sum(of_functions.values())
        assert received == {"SUCCESSFULLY_RECEIVED": expected}

    @pytest.mark.parametrize("name", ["good", "flaky", "down"])
    def test_each_event_has_one_final_outcome_at_each_destination(self, played, name):
        rows = played.outcomes("outcome,destination_id")
        finals = [row for row in rows if row["destination_id"] == played.destinations[name] and row["outcome"] in FINAL]
        assert sum(row["count"] for row in finals) == len(acknowledged(played)), finals

    def test_no_retry_is_left(self, played):
        settled = [payload for subject, _, payload in played.delivery if subject.endswith(".settled")][-1]
        head, _ = decode(settled)
        rungs, open_events, open_retries = head[5], head[6], head[7]
        assert (open_events, open_retries) == ([], [])
        left = [
            (subject, sequence)
            for subject, sequence, _ in played.delivery
            if ".retry." in subject and sequence > rungs[int(subject.rpartition(".")[2])]
        ]
        assert left == []

    def test_nothing_is_twice_in_quarantine(self, played):
        found = Counter()
        for subject, _, payload in played.delivery:
            if ".quarantine." in subject:
                head, _ = decode(payload)
                found.update((subject, row[2], row[5]) for row in head[4])
        assert [key for key, count in found.items() if count > 1] == []


class TestEightDaysLater:
    """Runs last: it purges the log of the scene."""

    def test_a_start_with_the_position_as_the_only_message_and_no_index_goes_on_exactly(self, played):
        instance = played.instance
        instance.stop()
        shutil.rmtree(instance.data / "dedupe")
        later = {"PENSTOCK_CLOCK_OFFSET_HOURS": "192", "PENSTOCK_RETENTION_SECONDS": "0.5"}
        instance.start(later)
        address = log_address(instance.pid_of("engine"))
        # All is one quiet block, of which retention overwrites message by message: minutes of fsync, and no kill in them.
        forget_all_but(address, "ROUTED-0", 1)
        wait_until(lambda: self.is_empty(address), 60, "a position as the only message")
        position = messages_of(address, "ROUTED-0")[0][1]
        instance.stop()
        shutil.rmtree(instance.data / "dedupe")
        instance.start({"PENSTOCK_CLOCK_OFFSET_HOURS": "192"})
        address = log_address(instance.pid_of("engine"))
        load = Workload(instance.url, played.source["writeKeys"][0], "later", threads=1, batch=3)
        with load:
            wait_until(lambda: len(load.acknowledged) >= 30, 120, "new events")
        sent = {event.message_id for event in load.acknowledged}
        wait_until(lambda: sent <= set(played.webhooks.bodies["good"]), 120, "delivery of the new events")
        instance.sync()
        fresh = messages_of(address, "ROUTED-0")
        assert fresh[0][1] == position
        rows = instance.sql("select id, count(*) as n from kills.tracks where id like 'later-%' group by id")
        assert {row["id"]: row["n"] for row in rows} == dict.fromkeys(sent, 1)

    def test_a_copy_from_before_is_dropped_by_the_warehouse_at_any_age(self, played):
        instance = played.instance
        old = played.load.acknowledged[0]
        load = Workload(instance.url, played.source["writeKeys"][0], "unused")
        event = load.event(old.anonymous_id, old.number)
        load.deliver([event])
        instance.sync()
        rows = instance.sql(f"select count(*) as n from kills.tracks where id = '{old.message_id}'")
        assert rows == [{"n": 1}]

    def is_empty(self, address):
        """Whether only a position is left, without the events that the last one had."""
        if count_in(address, "ROUTED-0") != 1:
            return False
        messages = messages_of(address, "ROUTED-0")
        return len(messages) == 1 and count_of(messages[0][2]) == 0
