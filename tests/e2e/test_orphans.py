"""Starts, stops and ends: nothing of ours outlives its parent, nothing is shared, and everything is found again."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from penstock.testing.instance import Instance, command_line, descendants, is_alive, kill, wait_until
from penstock.testing.observing import is_healthy
from penstock.testing.receiver import Receiver
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source

SECONDS = 3.0
PARENTS = ("engine", "edge", "control", "warehousing", "log")


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def instance(tmp_path_factory, receiver):
    """A tree with every kind of process in it: a Deno runner too."""
    with Instance(tmp_path_factory.mktemp("orphans") / "data") as running:
        with running.api() as api:
            running.source = create_source(api, "shop")
            connect_webhook(api, running.source["id"], receiver.url)
        flow(running, receiver, "first")
        running.sync()
        yield running


def flow(instance, receiver, message_id):
    """One event to the webhook: then a runner is there."""
    with sender(instance.url, instance.source["writeKeys"][0]) as send:
        send.send(track(message_id))
    arrived = lambda: any(request.json()["messageId"] == message_id for request in receiver.requests)  # noqa: E731
    wait_until(arrived, 60, f"{message_id} at the webhook")


def start_times(pids):
    """(pid, start) tells a process from a later one with its number."""
    found = set()
    for pid in pids:
        if is_alive(pid):
            with open(f"/proc/{pid}/stat") as stat:
                found.add((pid, stat.read().rpartition(")")[2].split()[19]))
    return found


def of_directory(data):
    """Every living process whose command line names the data directory, but this one."""
    found = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if str(data) in line]


class TestReadyFile:
    def test_it_holds_exactly_four_things_and_is_its_owners_alone(self, instance):
        file = instance.data.with_name("data.ready")
        ready = json.loads(file.read_text())
        assert list(ready) == ["url", "token", "writeKey", "pid"]
        assert file.stat().st_mode & 0o777 == 0o600
        assert list(file.parent.glob(".data.ready*")) == []
        assert is_alive(ready["pid"])
        with httpx.Client(base_url=ready["url"], headers={"Authorization": f"Bearer {ready['token']}"}) as client:
            assert client.get("/sources").status_code == 200
        with sender(ready["url"], ready["writeKey"]) as send:
            send.send(track("first-key"))


class TestRefusals:
    def test_a_second_start_on_the_directory_is_refused_with_the_pid(self, instance):
        refused = instance.command("up", "--port", "0", check=False)
        assert refused.returncode == 1
        assert f"pid {instance.pid}" in refused.stderr
        assert is_healthy(instance)

    def test_a_port_in_use_is_refused_by_its_number(self, tmp_path):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            refused = start("--port", str(port), "--data", str(tmp_path / "data"))
        assert refused.returncode == 1
        assert f"port {port}" in refused.stderr
        assert "Traceback" not in refused.stderr

    @pytest.mark.parametrize(
        ("arguments", "variables", "named"),
        [
            (["--port", "99999"], {}, "`port` (flag)"),
            ([], {"PENSTOCK_SHARDS": "0"}, "`shards` (environment)"),
            ([], {"PENSTOCK_RETRY_SECONDS": "soon"}, "`retry_seconds` (environment)"),
            (["--port", "0"], {"PENSTOCK_OUTBOUND_ALLOW": "10.0.0.0/99"}, "outbound_allow"),
            (["--port", "0"], {"PENSTOCK_TRUSTED_PROXIES": "everybody"}, "trusted_proxies"),
        ],
    )
    def test_a_bad_setting_is_refused_by_its_name(self, tmp_path, arguments, variables, named):
        refused = start(*arguments, "--data", str(tmp_path / "data"), **variables)
        assert refused.returncode == 1
        assert named in refused.stderr
        assert "Traceback" not in refused.stderr


def start(*arguments, **variables):
    command = [sys.executable, "-m", "penstock.cli", "up", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


class TestDeath:
    @pytest.mark.parametrize("role", PARENTS)
    def test_what_a_killed_part_had_started_is_gone_and_it_is_started_again(self, instance, receiver, role):
        pid = instance.pid_of(role)
        below = start_times(descendants(pid))
        if role == "engine":
            assert any("deno" in command_line(child) for child, _ in below), "the engine has no runner"
        kill(pid)
        wait_until(lambda: not start_times([child for child, _ in below]) & below, SECONDS, f"no child of the {role}")
        wait_until(lambda: instance.pid_of(role) != pid, 60, f"another {role}")
        wait_until(lambda: is_healthy(instance), 90, "a healthy tree")
        flow(instance, receiver, f"after-{role}")

    def test_a_killed_supervisor_leaves_no_process(self, instance, receiver):
        tree = start_times(instance.pids())
        assert len(tree) >= 6
        kill(instance.pid)
        wait_until(lambda: not start_times([pid for pid, _ in tree]) & tree, SECONDS, "no process of the tree")
        wait_until(lambda: not of_directory(instance.data), SECONDS, "no process of the directory")
        instance._process.wait(5)
        instance.start()
        flow(instance, receiver, "after-supervisor")


class TestStops:
    """These stop the shared instance."""

    def test_sigterm_ends_everything_cleanly_and_a_second_start_finds_it_all(self, instance, receiver):
        before = dict(instance.ready)
        stop_cleanly(instance, signal.SIGTERM, "last")
        instance.start()
        assert {name: instance.ready[name] for name in ("url", "token", "writeKey")} == {
            name: before[name] for name in ("url", "token", "writeKey")
        }
        instance.sync()
        found = {row["id"] for row in instance.sql("select id from shop.tracks")}
        assert {"first", "after-engine", "after-supervisor", "last"} <= found
        wait_until(lambda: any(request.json()["messageId"] == "last" for request in receiver.requests), 60, "the last")

    def test_ctrl_c_does_too_and_the_next_start_ends_what_the_last_one_left(self, instance):
        """A child cannot outlive its supervisor here; so the record of one that did is written by hand."""
        stop_cleanly(instance, signal.SIGINT, "very last")
        left_over = subprocess.Popen(["sleep", "300"])
        bystander = subprocess.Popen(["sleep", "300"])
        try:
            ((pid, started),) = start_times([left_over.pid])
            processes = [{"pid": pid, "started": started}, {"pid": bystander.pid, "started": "1"}]
            record = {"url": instance.url, "pid": pid, "token": "t", "processes": processes}
            (instance.data / "run.json").write_text(json.dumps(record))
            instance.start()
            assert left_over.wait(5) == -signal.SIGKILL
            assert bystander.poll() is None, "a process that only has the number of an old one is not ours"
        finally:
            for process in (left_over, bystander):
                process.kill()
                process.wait()

    def test_it_can_be_stopped_before_it_is_ready_and_no_ready_file_of_an_earlier_run_is_left_then(self, instance):
        instance.stop()
        stale = instance.data.with_name("earlier.ready")
        stale.write_text("{}")
        command = [sys.executable, "-m", "penstock.cli", "up", "--port", "0", "--data", str(instance.data)]
        command += ["--ready-file", str(stale)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: len(descendants(process.pid)) >= 2, 60, "the first children")
            assert not stale.exists()
            tree = start_times(descendants(process.pid))
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert not start_times([pid for pid, _ in tree]) & tree
        finally:
            process.kill()
            process.wait()


def stop_cleanly(instance, number, message_id):
    """An event, and in the same moment the signal: status 0 in time, and nothing is left."""
    tree = start_times(instance.pids())
    with sender(instance.url, instance.source["writeKeys"][0]) as send:
        send.send(track(message_id))
    os.kill(instance.pid, number)
    assert instance._process.wait(12) == 0
    assert not start_times([pid for pid, _ in tree]) & tree
    assert not (instance.data / "run.json").exists()
