"""A cluster of three nodes loses one at a time, under load, in several rounds: nothing is lost, nothing doubled.

`PENSTOCK_CLUSTER_ROUNDS` sets how many; each kills every node once, and the leader of each stream of events, which then
hangs and comes back too.
"""

import os
import time

import pytest
from cluster_scene import STREAMS, ClusterScene

ROUNDS = int(os.environ.get("PENSTOCK_CLUSTER_ROUNDS", "3"))


@pytest.mark.torture
def test_nothing_is_lost_and_nothing_doubled_when_nodes_are_killed_one_at_a_time(tmp_path, report):
    started = time.monotonic()
    with ClusterScene(tmp_path) as scene:
        with scene.load:
            scene.wait_for_flow()
            for _ in range(ROUNDS):
                for node in scene.cluster.nodes:
                    scene.kill(node, "node")
                for stream in STREAMS:
                    scene.kill(scene.cluster.leader_of(stream), f"leader of {stream}")
                for stream in STREAMS:
                    scene.pause(scene.cluster.leader_of(stream), f"leader of {stream}")
        scene.settle()
        report += [*scene.summary(), f"cluster: {time.monotonic() - started:.0f} s"]
        scene.check_routed()
        scene.check_warehouse()
        scene.check_writers()
