"""The live view of a whole Penstock: every step of an event, to whoever may see it, and never at the pipeline's cost."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx
import pytest

from penstock.client.event_stream import read_events
from penstock.testing.instance import Instance, wait_until
from penstock.testing.receiver import Receiver, Reply
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source

FLOOD = 12_000
PROCESSES = 2
"""Of the data plane that tell: the engine and warehousing."""
ONLY_WHEN_TOLD = {"PENSTOCK_SYNC_SECONDS": "3600"}


@pytest.fixture(scope="module")
def outside():
    """Takes what is sent to `/good` and refuses the rest."""
    with Receiver(lambda request: Reply(200 if request.path == "/good" else 400)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    with Instance(tmp_path_factory.mktemp("tail") / "data", ONLY_WHEN_TOLD) as running:
        yield running


@pytest.fixture(scope="module")
def source(instance, outside):
    with instance.api() as api:
        made = create_source(api, "shop")
        connect_webhook(api, made["id"], outside.url + "/good")
        connect_webhook(api, made["id"], outside.url + "/bad")
        return made


class Tail:
    """What one client of the server-sent events has got so far."""

    def __init__(self, response):
        self.events = []
        self._response = response
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self):
        try:
            for event in read_events(line.encode() + b"\n" for line in self._response.iter_lines()):
                self.events.append(event)
        except httpx.HTTPError:
            pass

    def lines(self, message_id):
        return [data for name, data in list(self.events) if name == "line" and data.get("messageId") == message_id]

    def steps(self, message_id):
        return [(line["step"], line.get("outcome", ""), line.get("reason", "")) for line in self.lines(message_id)]

    @property
    def watching(self):
        return next((data["processes"] for name, data in reversed(self.events) if name == "watching"), 0)


@contextmanager
def tail_of(instance, token="", **query):
    headers = {"Authorization": f"Bearer {token or instance.ready['token']}"}
    with (
        httpx.Client(base_url=instance.url, timeout=30) as client,
        client.stream("GET", "/penstock/tail", params=query, headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "no-store" in response.headers["cache-control"]
        tail = Tail(response)
        wait_until(lambda: tail.watching == PROCESSES, 60, "a tail that is answered")
        yield tail


def send(instance, source, *events):
    with sender(instance.url, source["writeKeys"][0]) as sending:
        sending.batch(events)


def test_every_step_of_an_event_is_shown_with_its_outcome(instance, source):
    with tail_of(instance) as tail:
        send(instance, source, track("t-1"), track("t-1"), {"type": "track", "event": "Nobody", "messageId": "t-2"})
        wait_until(lambda: len(tail.lines("t-1")) >= 6, 60, "six lines")
        steps = tail.steps("t-1")
        assert steps[:4] == [
            ("received", "", ""),
            ("pipeline", "SUCCESSFULLY_RECEIVED", ""),
            ("received", "", ""),
            ("pipeline", "FAILED_ON_INGEST", "duplicate"),
        ]
        endings = {(line["outcome"], line["reason"], line["attempt"]) for line in tail.lines("t-1")[4:]}
        assert endings == {("SUCCESSFUL_DELIVERY", "successes.attempt.1", 1), ("FAILED_DELIVERY", "400", 1)}
        failed = next(line for line in tail.lines("t-1") if line.get("outcome") == "FAILED_DELIVERY")
        assert failed["status"] == 400
        assert failed["destination"].endswith("/bad")
        instance.sync()
        wait_until(lambda: tail.steps("t-1")[-1][:2] == ("warehouse", "SUCCESSFUL_DELIVERY"), 60, "the loaded event")
        assert tail.steps("t-2") == [("received", "", ""), ("pipeline", "FAILED_ON_INGEST", "no_user_anon_id")]


def test_filters_choose_what_is_shown(instance, source):
    with (
        tail_of(instance, user="lena", outcome="delivered") as lena,
        tail_of(instance, source="shop", event="Only This") as named,
    ):
        events = [track("f-1") | {"userId": "lena"}, track("f-2") | {"event": "Only This"}, track("f-3")]
        send(instance, source, *events)
        wait_until(lambda: lena.lines("f-1"), 60, "the delivery")
        wait_until(lambda: len(named.lines("f-2")) == 4, 60, "all steps of the named event")
        assert [step for step, *_ in lena.steps("f-1")] == ["destination"]
        assert not lena.lines("f-2")
        assert not named.lines("f-1")
        assert not named.lines("f-3")


def test_only_a_token_that_may_see_events_opens_a_tail(instance, source):
    with httpx.Client(base_url=instance.url, timeout=10) as client:
        assert client.get("/penstock/tail").status_code == 401
        assert client.get("/penstock/tail", headers={"Authorization": "Bearer no"}).status_code == 401
    with instance.api() as api:
        for query in ({"source": "nowhere"}, {"outcome": "lost"}, {"nonsense": "1"}, {"user": "u" * 300}):
            assert api.get("/penstock/tail", params=query).status_code in (400, 422), query
        assert api.post("/penstock/tail").status_code == 405


def test_the_command_prints_json_in_a_pipe_and_follows_across_a_restart_of_the_engine(instance, source):
    command = [sys.executable, "-m", "penstock.cli", "tail", "--data", str(instance.data), "--event", "Restarted"]
    environment = {**os.environ, **instance.environment}
    with running_command(command, env=environment) as running:
        until_watching(running, PROCESSES)
        send(instance, source, track("r-1") | {"event": "Restarted"})
        first = [json.loads(running.stdout.readline()) for _ in range(4)]
        assert {line["messageId"] for line in first} == {"r-1"}
        os.kill(instance.pid_of("engine"), signal.SIGKILL)
        second: list[str] = []
        reading = threading.Thread(target=lambda: second.extend(iter(running.stdout.readline, "")), daemon=True)
        reading.start()
        later = map("r-{}".format, itertools.count(2))

        def is_shown():
            # What passes before the new engine is asked is not shown: a later one is.
            send(instance, source, track(next(later)) | {"event": "Restarted"})
            return any(json.loads(line)["messageId"] != "r-1" for line in list(second))

        wait_until(is_shown, 60, "a line of what came after the restart")
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
        reading.join(60)
        assert "Traceback" not in running.stderr.read()


def test_the_command_ends_after_its_limit(instance, source):
    command = [
        sys.executable,
        "-m",
        "penstock.cli",
        "tail",
        "--data",
        str(instance.data),
        "--limit",
        "2",
        "--user",
        "ben",
    ]
    with running_command(command) as running:
        until_watching(running, PROCESSES)
        send(instance, source, track("l-1") | {"userId": "ben"})
        output, _ = running.communicate(timeout=60)
        assert [json.loads(line)["step"] for line in output.splitlines()] == ["received", "pipeline"]
        assert running.returncode == 0


def test_a_reader_that_does_not_read_loses_lines_and_every_event_goes_its_way(tmp_path, report):
    with Instance(tmp_path / "data", ONLY_WHEN_TOLD) as instance:
        with instance.api() as api:
            source = create_source(api, "flooded")
        address = instance.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1])), timeout=30) as client:
            token = instance.ready["token"]
            client.sendall(f"GET /penstock/tail HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            seen = b""
            while b'{"processes":2}' not in seen:
                seen += client.recv(1 << 16)
            for start in range(0, FLOOD, 500):
                send(instance, source, *(track(f"n-{number}") for number in range(start, start + 500)))
            wait_until(lambda: routed(instance) >= FLOOD, 60, "all events routed")
            told, lost = read_until_complete(client, FLOOD * 2)
            report.append(
                f"A tail that did not read: {FLOOD} events routed, {told} lines shown, {lost} lost and counted"
            )
            assert lost > 0
            assert told + lost == FLOOD * 2
        instance.sync()
        assert instance.sql("select count(*) as n from flooded.tracks") == [{"n": FLOOD}]
        with tail_of(instance):
            assert instance.stop() == 0
        assert "left unanswered" not in instance.log()  # nobody waits for an answer without an end


@contextmanager
def running_command(command, **options):
    """Which ends with the context, also where the test fails: `Popen` itself would wait for it for ever."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as running:
        try:
            yield running
        finally:
            running.kill()


def until_watching(running, *processes):
    wanted = {f"penstock: watching {count} processes\n" for count in processes}
    for line in running.stderr:
        if line in wanted:
            return
    raise AssertionError("the command ended")


def routed(instance):
    engine = next(role for role in instance.local().get("/penstock/status")["roles"] if role["role"] == "engine")
    return engine["counts"].get("routed", 0)


def read_until_complete(client, wanted):
    """Lines shown and lines lost, until they are all that there were."""
    told = lost = 0
    with client.makefile("rb") as file:
        for line in file:
            if line.startswith(b'data: {"count":'):
                lost += json.loads(line[6:])["count"]
            elif line.startswith(b'data: {"step":'):
                told += 1
            if told + lost >= wanted:
                break
    return told, lost
