"""Every role run alone on a log engine that is not ours: two shards with an engine each, and what is refused."""

import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack

import httpx
import pytest

from penstock.client.local import LocalClient
from penstock.kit.ports import free_port
from penstock.testing.instance import Instance, wait_until
from penstock.testing.lone_role import LoneRole
from penstock.testing.nats_cluster import Node
from penstock.testing.receiver import Receiver
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source

USERS = 40


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A log engine whose credentials stand in its URL."""
    node = Node("external", tmp_path_factory.mktemp("external") / "node", (free_port(), free_port(), free_port()))
    node.configure("", [], cluster=None, authorization={"user": "pen", "password": "hush-hush"})
    node.start()
    wait_until(node.is_healthy, 60, "a healthy server")
    yield node
    node.kill()


def way_in(node):
    return {"PENSTOCK_NATS_URL": node.url.replace("//", "//pen:hush-hush@"), "PENSTOCK_NATS_TOKEN": ""}


class Roles:
    """Control, two engines, warehousing and an edge, each a process with a directory of its own."""

    def __init__(self, folder, node, stack):
        common = way_in(node) | {
            "PENSTOCK_NATS_MONITORING": node.monitoring_url,
            "PENSTOCK_SHARDS": "2",
            "PENSTOCK_SECRET_KEY": "the same for all",
            "PENSTOCK_PORT": "0",
        }

        def start(role, name, *flags):
            return stack.enter_context(LoneRole(role, folder / name, folder, *flags, environment=common))

        self.control = start("control", "control")
        self.data = folder / "control"
        self.engines = [start("engine", f"engine-{shard}", "--shard", str(shard)) for shard in range(2)]
        self.warehousing = start("warehousing", "warehousing")
        self.edge = start("edge", "control")
        self.all = [self.control, *self.engines, self.warehousing, self.edge]
        self.local = LocalClient(self.data)

    def api(self):
        headers = {"Authorization": f"Bearer {self.control.ready['token']}"}
        return httpx.Client(base_url=self.edge.url, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, node):
    with Receiver() as receiver, ExitStack() as stack:
        roles = Roles(tmp_path_factory.mktemp("roles"), node, stack)
        with roles.api() as api:
            source = create_source(api, "shop")
            connect_webhook(api, source["id"], receiver.url)
        roles.receiver, roles.key = receiver, source["writeKeys"][0]
        yield roles


def send(roles, name):
    """One event of each user, which are spread over both shards; returns the ids."""
    events = [track(f"{name}-{user}", user=f"u-{user}") for user in range(USERS)]
    with sender(roles.edge.url, roles.key) as sending:
        sending.batch(events)
    return {event["messageId"] for event in events}


def at_webhook(roles):
    return Counter(request.json()["messageId"] for request in list(roles.receiver.requests))


class TestRolesOfTheirOwn:
    def test_events_pass_through_both_engines_once(self, scene):
        sent = send(scene, "first")
        wait_until(lambda: sent <= at_webhook(scene).keys(), 90, "every event at the webhook")
        assert set(at_webhook(scene).values()) == {1}

    def test_the_commands_beside_control_work(self, scene):
        report = scene.local.post("/penstock/sync", {}, 60)
        assert not report["errors"]
        answer = scene.local.post("/penstock/sql", {"statement": "select count(*) from shop.tracks"}, 60)
        assert answer["rows"] == [[USERS]]

    def test_an_engine_that_is_killed_holds_up_its_own_shard_alone(self, scene):
        scene.engines[1].kill()
        sent = send(scene, "second")
        wait_until(lambda: sent & at_webhook(scene).keys(), 90, "events of the other shard")
        told = scene.local.get("/penstock/status")
        assert not told["healthy"]
        assert ["shard 1 has no engine"] in [role["reasons"] for role in told["roles"]]
        scene.engines[1].start()
        wait_until(lambda: sent <= at_webhook(scene).keys(), 90, "every event at the webhook")
        assert not scene.local.post("/penstock/sync", {}, 60)["errors"]
        answer = scene.local.post(
            "/penstock/sql", {"statement": "select count(distinct id), count(*) from shop.tracks"}, 60
        )
        assert answer["rows"] == [[2 * USERS, 2 * USERS]]

    def test_no_role_shows_the_password(self, scene):
        for role in scene.all:
            assert "hush-hush" not in role.log()

    def test_each_stops_in_order(self, scene):
        """The last of its class: it stops them."""
        for role in reversed(scene.all):
            assert role.stop() == 0


def refusal(*arguments, environment):
    """The one line with which `penstock run` ends."""
    command = [sys.executable, "-m", "penstock.cli", "run", *map(str, arguments)]
    answer = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=30
    )
    lines = [line for line in answer.stderr.splitlines() if line.startswith("penstock: ")]
    assert (answer.returncode, len(lines)) == (1, 1), answer.stderr
    assert "Traceback" not in answer.stderr
    return lines[0]


class TestWhatIsRefused:
    @pytest.mark.parametrize("role", ["control", "edge", "engine", "warehousing"])
    def test_a_role_without_a_log(self, role, tmp_path):
        assert "Set PENSTOCK_NATS_URL" in refusal(role, "--data", tmp_path, environment={})

    @pytest.mark.parametrize("role", ["engine", "warehousing"])
    def test_a_role_that_could_open_no_secret(self, role, node, tmp_path):
        told = refusal(role, "--data", tmp_path, environment=way_in(node) | {"PENSTOCK_SHARDS": "2"})
        assert "Set PENSTOCK_SECRET_KEY" in told

    def test_a_shard_that_there_is_not(self, node, tmp_path):
        environment = way_in(node) | {"PENSTOCK_SECRET_KEY": "k", "PENSTOCK_SHARDS": "2"}
        assert "there are 2 shards" in refusal("engine", "--data", tmp_path, "--shard", "2", environment=environment)

    def test_a_wrong_password_which_is_not_shown(self, node, tmp_path):
        environment = {"PENSTOCK_NATS_URL": node.url.replace("//", "//pen:wrong-one@"), "PENSTOCK_PORT": "0"}
        told = refusal("edge", "--data", tmp_path, environment=environment)
        assert "refuses the connection" in told
        assert "wrong-one" not in told

    def test_a_second_engine_beside_a_running_instance_and_an_instance_that_was_killed(self, tmp_path):
        with Instance(tmp_path / "data") as instance:
            assert "has its engine already" in refusal("engine", "--data", instance.data, environment={})
            assert "has its control already" in refusal(
                "control", "--data", instance.data, "--port", "0", environment={}
            )
            instance.kill_all()
            assert "nothing runs on" in refusal("edge", "--data", instance.data, environment={})
