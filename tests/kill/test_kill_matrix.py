"""SIGKILL everywhere, under load: no acknowledged event is lost, none is doubled, every count is exact.

`PENSTOCK_KILL_SEED` repeats a run; `PENSTOCK_KILL_RANDOM` sets how many random kills follow the fixed rounds.
"""

import os
import shutil
import time
from collections import Counter, defaultdict

import pytest
from kill_scene import FINAL, ROLES, ROUNDS, Round, Scene
from routed_log import covered_twice, decode, log_address, messages_of, routed_events

from penstock.testing.instance import wait_until
from penstock.testing.receiver import Receiver
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
            with scene.load:
                scene.wait_for_flow()
                scene.play(ROUNDS)
                scene.play([Round(scene.random.choice(ROLES)) for _ in range(RANDOM_KILLS)])
            scene.settle()
            address = log_address(scene.instance.pid_of("engine"))
            scene.routed = routed_events(address)
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


class TestCountsAreExact:
    def test_received_is_the_number_of_distinct_acknowledged_ids(self, played):
        received = {
            row["outcome"]: row["count"]
            for row in played.outcomes("outcome,destination_id")
            if not row["destination_id"] and row["outcome"] == "SUCCESSFULLY_RECEIVED"
        }
        assert received == {"SUCCESSFULLY_RECEIVED": len(acknowledged(played))}

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
        wait_until(lambda: len(messages_of(address, "ROUTED-0")) == 1, 60, "the position as the only message")
        position = messages_of(address, "ROUTED-0")[0][1]
        instance.stop()
        shutil.rmtree(instance.data / "dedupe")
        instance.start({"PENSTOCK_CLOCK_OFFSET_HOURS": "192"})
        address = log_address(instance.pid_of("engine"))
        load = Workload(instance.url, played.source["writeKeys"][0], "later", threads=1, batch=3)
        with load:
            wait_until(lambda: len(load.acknowledged) >= 30, 30, "new events")
        sent = {event.message_id for event in load.acknowledged}
        wait_until(lambda: sent <= set(played.webhooks.bodies["good"]), 30, "delivery of the new events")
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
