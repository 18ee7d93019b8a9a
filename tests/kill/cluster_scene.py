"""The scene of a cluster: an instance on three nodes of the log engine, a load, and nodes killed one at a time."""

import time
from collections import Counter

from penstock.testing.instance import Instance, wait_until
from penstock.testing.nats_cluster import NatsCluster
from penstock.testing.observing import is_healthy, roles
from penstock.testing.routed_log import covered_twice, log_address, routed_events, writers
from penstock.testing.setup import create_source
from penstock.testing.workload import Workload

STREAMS = ("ACCEPTED-0", "ROUTED-0")
FLOW_SECONDS = 90
"""An election takes up to ten seconds, and a second one follows where it ends in a tie."""


class ClusterScene:
    """A context: the cluster, an instance that starts no log engine of its own, and a source to send to."""

    def __init__(self, folder):
        self.cluster = NatsCluster(folder / "nodes")
        settings = {"PENSTOCK_LOG_FORMAT": "text", "PENSTOCK_SYNC_SECONDS": "2", "PENSTOCK_SQL_ROWS": "1000000"}
        self.instance = Instance(folder / "data", settings | self.cluster.environment)
        self.report = []
        self.in_hand = 0
        self.kills = 0

    def __enter__(self):
        self.cluster.__enter__()
        self.instance.start()
        with self.instance.api() as api:
            key = create_source(api, "cluster")["writeKeys"][0]
        self.load = Workload(self.instance.url, key, "c", threads=4, batch=5, pause=0.03)
        return self

    def __exit__(self, *_):
        self.instance.stop()
        self.cluster.__exit__()

    def kill(self, node, why):
        """SIGKILL under load; the others go on without it; then it comes back and catches up."""
        wait_until(lambda: self.load.in_hand, 90, "an event in hand")
        in_hand = self.load.in_hand
        node.kill()
        started = time.monotonic()
        self.wait_for_flow()
        flowing = time.monotonic() - started
        node.start()
        self.cluster.wait_whole(FLOW_SECONDS)
        self.in_hand += in_hand
        self.kills += 1
        self.report.append(f"{why:<24} {node.name}, {in_hand:>2} events in hand, flow again after {flowing:.1f} s")

    def pause(self, node, why):
        """It hangs until the others have gone on without it, then believes for a moment that it still leads."""
        node.pause()
        started = time.monotonic()
        try:
            self.wait_for_flow()
        finally:
            node.go_on()
        self.report.append(f"{why:<24} {node.name}, hung, flow again after {time.monotonic() - started:.1f} s")
        self.wait_for_flow()
        self.cluster.wait_whole(FLOW_SECONDS)

    def wait_for_flow(self):
        """Until events sent from now on are acknowledged, and every role is well."""
        before = len(self.load.acknowledged)
        wait_until(lambda: len(self.load.acknowledged) > before + 100, FLOW_SECONDS, "new acknowledgements")
        wait_until(lambda: is_healthy(self.instance), FLOW_SECONDS, "a healthy tree")

    def settle(self):
        """Read what the log holds once everything is in it."""
        self.instance.sync()
        address = log_address(self.instance.pid_of("engine"))
        self.routed = routed_events(address)
        self.covered_twice = covered_twice(address)
        self.writers = writers(address)

    @property
    def acknowledged(self):
        return {sent.message_id for sent in self.load.acknowledged}

    def summary(self):
        """Lines for the end of the run."""
        ended = self.instance.log().count("Child ended and is started again.")
        numbers = f"{len(self.acknowledged)} acknowledged, {len(self.routed)} in ROUTED"
        return [
            *self.report,
            f"cluster: {self.kills} kills with {self.in_hand} events in hand: {numbers}, {ended} roles ended",
        ]

    def check_routed(self):
        counts = Counter(event["messageId"] for event in self.routed)
        assert set(counts) == self.acknowledged
        assert set(counts.values()) == {1}
        assert self.covered_twice == []

    def check_warehouse(self):
        rows = self.instance.sql("select id, count(*) as n from cluster.tracks group by id", rows=1_000_000)
        assert {row["id"] for row in rows} == self.acknowledged
        assert {row["n"] for row in rows} == {1}

    def check_writers(self):
        for numbers in self.writers.values():
            assert numbers == list(range(1, len(numbers) + 1))
        counts = roles(self.instance)["engine"]["counts"]
        assert (counts["gaps"], counts["damaged"]) == (0, 0)
