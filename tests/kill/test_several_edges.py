"""Three edges on one log, each killed under load and started again: nothing is lost, nothing doubled, no gap seen."""

import time
from collections import Counter
from contextlib import ExitStack

import httpx
import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.lone_role import LoneRole
from penstock.testing.observing import roles
from penstock.testing.routed_log import covered_twice, log_address, routed_events, writers
from penstock.testing.setup import create_source
from penstock.testing.workload import Workload

EDGES = 3
ROUNDS = 2


class Edges:
    """An instance, three edges beside it that find the log by its `run.json`, and a load on each."""

    def __init__(self, folder, stack):
        self.instance = stack.enter_context(Instance(folder / "data", {"PENSTOCK_LOG_FORMAT": "text"}))
        with self.instance.api() as api:
            self.key = create_source(api, "several")["writeKeys"][0]
        free = {"PENSTOCK_PORT": "0"}
        self.edges = [
            stack.enter_context(LoneRole("edge", self.instance.data, folder, environment=free)) for _ in range(EDGES)
        ]
        self.loads = [
            Workload(edge.url, self.key, f"e{number}", threads=2, batch=5, pause=0.03)
            for number, edge in enumerate(self.edges)
        ]
        self.in_hand = []

    def play(self):
        for _ in range(ROUNDS):
            for edge, load in zip(self.edges, self.loads, strict=True):
                wait_until(lambda load=load: load.in_hand, 60, "an event in hand")
                self.in_hand.append(load.in_hand)
                edge.kill()
                self.wait_for_flow([one for one in self.loads if one is not load])
                edge.start()
                self.wait_for_flow([load])

    def wait_for_flow(self, loads):
        before = {load: len(load.acknowledged) for load in loads}
        for load, count in before.items():
            wait_until(lambda load=load, count=count: len(load.acknowledged) > count + 20, 60, "acknowledgements")

    @property
    def acknowledged(self):
        return {sent.message_id for load in self.loads for sent in load.acknowledged}


@pytest.fixture(scope="module")
def played(tmp_path_factory, report):
    started = time.monotonic()
    with ExitStack() as stack:
        scene = Edges(tmp_path_factory.mktemp("edges"), stack)
        with ExitStack() as loads:
            for load in scene.loads:
                loads.enter_context(load)
            scene.play()
        address = log_address(scene.instance.pid_of("engine"))
        scene.instance.sync()
        scene.routed = routed_events(address)
        scene.covered_twice = covered_twice(address)
        scene.writers = writers(address)
        yield scene
        report.append(
            f"{EDGES} edges, {len(scene.in_hand)} kills with {sum(scene.in_hand)} events in hand: "
            f"{len(scene.acknowledged)} acknowledged, {len(scene.routed)} in ROUTED, {len(scene.writers)} writers, "
            f"{time.monotonic() - started:.0f} s"
        )


def test_every_acknowledged_event_is_in_routed_exactly_once(played):
    counts = Counter(event["messageId"] for event in played.routed)
    assert set(counts) == played.acknowledged
    assert set(counts.values()) == {1}
    assert played.covered_twice == []


def test_every_acknowledged_event_is_in_the_warehouse_exactly_once(played):
    rows = played.instance.sql("select id, count(*) as n from several.tracks group by id")
    assert {row["id"] for row in rows} == played.acknowledged
    assert {row["n"] for row in rows} == {1}


def test_each_life_of_an_edge_is_a_writer_with_frames_of_its_own(played):
    """A kill begins another life; one that stored nothing before it ended has left no name."""
    assert EDGES < len(played.writers) <= EDGES * (1 + ROUNDS) + 1
    for numbers in played.writers.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_no_gap_and_no_damage_is_seen(played):
    counts = roles(played.instance)["engine"]["counts"]
    assert (counts["gaps"], counts["damaged"]) == (0, 0)


def test_the_status_tells_of_every_edge(played):
    answer = played.instance.local().get("/penstock/status")
    pids = {role["pid"] for role in answer["roles"] if role["role"] == "edge"}
    assert pids == {played.instance.pid_of("edge"), *(edge.pid for edge in played.edges)}
    assert answer["healthy"]


class TestAnEdgeOfItsOwn:
    def test_it_answers_the_api_too(self, played):
        headers = {"Authorization": f"Bearer {played.instance.ready['token']}"}
        assert httpx.get(f"{played.edges[0].url}/sources", headers=headers, timeout=10).status_code == 200

    def test_it_says_in_words_that_it_is_ready(self, played):
        assert f"Penstock's edge is ready at {played.edges[0].url}. Ctrl-C stops it." in played.edges[0].log()

    def test_it_goes_on_when_the_instance_beside_it_was_started_again(self, played):
        assert played.instance.stop() == 0
        played.instance.start()
        load = Workload(played.edges[0].url, played.key, "again", threads=1, batch=3)
        with load:
            wait_until(lambda: len(load.acknowledged) > 20, 60, "acknowledgements")
        played.instance.sync()
        rows = played.instance.sql("select id from several.tracks where id like 'again-%'")
        assert sorted(row["id"] for row in rows) == sorted(sent.message_id for sent in load.acknowledged)

    def test_it_stops_in_order_while_the_others_go_on(self, played):
        """Runs last: it stops one."""
        assert played.edges[0].stop() == 0
        for edge in played.edges[1:]:
            assert httpx.get(f"{edge.url}/readyz", timeout=10).status_code == 200
