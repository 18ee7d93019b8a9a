"""What was created a moment ago works at once, and what is down holds nothing up: no event is lost on the way."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from penstock.testing.instance import Instance, kill, wait_until
from penstock.testing.observing import is_healthy, outcomes
from penstock.testing.receiver import Receiver
from penstock.testing.sender import Sender, sender, track
from penstock.testing.setup import connect_webhook, create_source
from penstock.testing.workload import Workload

SOURCES = 200
DESTINATIONS = 24
WORKERS = 12
SETTINGS = {"PENSTOCK_API_RATE_FACTOR": "0"}


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """A tree whose publisher of snapshots is late by 300 ms each time."""
    folder = tmp_path_factory.mktemp("fresh")
    faults = folder / "faults"
    faults.mkdir()
    with Instance(folder / "data", SETTINGS | {"PENSTOCK_FAULTS_DIR": str(faults)}) as running:
        running.late = faults / "publisher.before_publish"
        yield running


def arrived(receiver, path):
    return {request.json()["messageId"] for request in receiver.requests if request.path == path}


def create_and_send(api, client, number):
    """A source of its own, and an event with its key in the same moment."""
    source = create_source(api, f"fresh-{number}")
    Sender(client, source["writeKeys"][0]).send(track(f"fresh-{number}"))


def connect_and_send(api, client, url, source, number):
    """A destination of its own with its mapping, and an event in the same moment."""
    connect_webhook(api, source["id"], f"{url}/own-{number}")
    Sender(client, source["writeKeys"][0]).send(track(f"own-{number}"))


def test_an_event_sent_right_after_its_source_or_destination_was_made_is_not_lost(instance, receiver):
    with instance.api() as api:
        busy = create_source(api, "busy")
        connect_webhook(api, busy["id"], receiver.url + "/busy")
        common = create_source(api, "common")
    instance.late.write_text("delay:300")
    load = Workload(instance.url, busy["writeKeys"][0], "load", threads=2, pause=0.05)
    started = time.monotonic()
    with (
        load,
        instance.api() as api,
        httpx.Client(base_url=instance.url) as client,
        ThreadPoolExecutor(WORKERS) as workers,
    ):
        half = SOURCES // 2
        waiting = [workers.submit(create_and_send, api, client, number) for number in range(half)]
        waiting += [workers.submit(connect_and_send, api, client, receiver.url, common, n) for n in range(DESTINATIONS)]
        wait_until(lambda: sum(one.done() for one in waiting) > half // 2, 60, "a quarter of the sources")
        kill(instance.pid_of("engine"))
        waiting += [workers.submit(create_and_send, api, client, number) for number in range(half, SOURCES)]
        for one in waiting:
            one.result()
    instance.late.unlink()
    print(f"{SOURCES} sources and {DESTINATIONS} destinations in {time.monotonic() - started:.1f} s beside a load")
    for number in range(DESTINATIONS):
        wait_until(
            lambda number=number: f"own-{number}" in arrived(receiver, f"/own-{number}"), 90, f"own-{number} delivered"
        )
    sent = {one.message_id for one in load.acknowledged}
    wait_until(lambda: sent <= arrived(receiver, "/busy"), 90, "the load at the webhook")
    instance.sync()
    schemas = {row["id"]: row["schema"] for row in fresh_rows(instance)}
    assert {key for key in schemas if key.startswith("fresh-")} == {f"fresh-{number}" for number in range(SOURCES)}
    assert all(schemas[key] == key.replace("-", "_") for key in schemas if key.startswith("fresh-"))
    assert outcomes(instance).get(("FAILED_ON_INGEST", "unknown_source"), 0) == 0
    rows = instance.sql("select id from common.tracks")
    assert sorted(row["id"] for row in rows) == sorted(f"own-{number}" for number in range(DESTINATIONS))
    assert {row["id"] for row in instance.sql("select id from busy.tracks")} == sent


def fresh_rows(instance):
    """Every row of the sources that were made here, with the schema it stands in."""
    parts = (f"select id, 'fresh_{number}' as schema from fresh_{number}.tracks" for number in range(SOURCES))
    return instance.sql(" union all ".join(parts))


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_an_event_sent_while_the_control_process_is_down_is_delivered_and_loaded(instance, receiver, how):
    path, message_id = f"/down-{how.name}", f"down-{how.name}"
    slug = f"down-{how.name.lower()}"
    with instance.api() as api:
        source = create_source(api, slug)
        connect_webhook(api, source["id"], receiver.url + path)
    pid = instance.pid_of("control")
    os.kill(pid, how)
    try:
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.send(track(message_id))
        wait_until(lambda: message_id in arrived(receiver, path), 60, f"{message_id} at the webhook")
    finally:
        if how is signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: is_healthy(instance), 90, "a healthy tree")
    instance.sync()
    assert instance.sql(f"select id from {slug.replace('-', '_')}.tracks") == [{"id": message_id}]


def test_after_the_log_engine_was_killed_everything_flows_again_in_three_seconds(instance, receiver):
    with instance.api() as api:
        source = create_source(api, "blink")
        connect_webhook(api, source["id"], receiver.url + "/blink")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("before"))
        wait_until(lambda: "before" in arrived(receiver, "/blink"), 60, "an event before")
        seconds = [blink(instance, receiver, send, number) for number in range(2)]
    print(f"accepted and delivered after {', '.join(f'{one:.2f}' for one in seconds)} s")
    assert min(seconds) < 3, seconds
    wait_until(lambda: is_healthy(instance), 90, "a healthy tree")


def blink(instance, receiver, send, number):
    """Kill nats-server, send until accepted; seconds until the event is at the webhook."""
    message_id = f"after-{number}"
    kill(instance.pid_of("log"))
    started = time.monotonic()
    accepted = threading.Event()

    def resend():
        while not accepted.is_set():
            if send.post("/v1/track", track(message_id)).status_code == 200:
                accepted.set()

    thread = threading.Thread(target=resend)
    thread.start()
    wait_until(lambda: message_id in arrived(receiver, "/blink"), 60, f"{message_id} at the webhook")
    thread.join(5)
    return time.monotonic() - started
