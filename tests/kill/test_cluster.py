"""One node of three is killed, the one that leads the stream of accepted events; `make torture` does it at length."""

import pytest
from cluster_scene import ClusterScene

# The log's own cluster is killed in every run: `infra/log/tests/test_cluster.py`.
pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def played(tmp_path_factory, report):
    with ClusterScene(tmp_path_factory.mktemp("cluster")) as scene:
        with scene.load:
            scene.wait_for_flow()
            scene.kill(scene.cluster.leader_of("ACCEPTED-0"), "leader of ACCEPTED-0")
        scene.settle()
        report += scene.summary()
        yield scene


def test_every_acknowledged_event_is_in_routed_exactly_once(played):
    played.check_routed()


def test_every_acknowledged_event_is_in_the_warehouse_exactly_once(played):
    played.check_warehouse()


def test_no_writer_has_a_gap(played):
    played.check_writers()


def test_no_server_of_its_own_was_started(played):
    assert not (played.instance.data / "nats").exists()
