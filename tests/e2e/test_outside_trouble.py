"""Whatever the outside does, each event ends in the outcome that is named for it, and nobody else waits for it."""

import json
import socketserver
import ssl
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from penstock.catalog.destinations import load_destination_catalog
from penstock.testing import certificates
from penstock.testing.destination_examples import example_event, example_mapping, example_settings, example_trigger
from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import (
    finals,
    outcomes,
    own_ports,
    quarantined,
    resident_megabytes,
    roles,
    wait_for_finals,
)
from penstock.testing.receiver import Receiver, Reply
from penstock.testing.sender import sender, track
from penstock.testing.setup import WEBHOOK, connect_webhook, create_source, create_webhook, data_of, subscribe

SETTINGS = {
    "PENSTOCK_RETRY_SECONDS": ",".join(["0.1"] * 9),
    "PENSTOCK_ATTEMPT_SECONDS": "3",
    "PENSTOCK_PROBE_SECONDS": "1",
    "PENSTOCK_API_RATE_FACTOR": "0",
    "PENSTOCK_SYNC_SECONDS": "600",
}
ATTEMPTS = 10
OUTAGE = 10_000
WINDOW = 1_000


class Outside:
    """Answers by path, as each kind of trouble does."""

    def __init__(self):
        self.times = []
        self.redirects = {}
        self.is_down = True

    def __call__(self, request):
        if request.path in self.redirects:
            return Reply(307, {"Location": self.redirects[request.path]})
        match request.path:
            case "/hanging":
                return Reply(status=0)
            case "/broken":
                return Reply(status=500, body=b'{"reason":"out of order"}')
            case "/refusing":
                return Reply(status=400, body=b'{"reason":"no such list"}')
            case "/busy":
                self.times.append(time.monotonic())
                return Reply(200) if len(self.times) > 2 else Reply(429, {"Retry-After": "1"})
        return Reply()


@contextmanager
def self_signed(folder):
    """The URL of an HTTPS server whose certificate nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.self_signed(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class PlainHandler(socketserver.BaseRequestHandler):
    """What a server without TLS says to whoever speaks TLS to it."""

    def handle(self):
        self.request.recv(1 << 16)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@contextmanager
def without_tls():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PlainHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class Scene:
    """One source with a destination for each kind of trouble, and a healthy one beside them."""

    def __init__(self, instance, receiver, outside, self_signed_url, plain_url):
        self.instance, self.receiver, self.outside = instance, receiver, outside
        with Receiver() as gone:
            dead = gone.url
        own = f"http://127.0.0.1:{own_ports(instance)[0]}"
        outside.redirects = {"/to-private": "http://10.0.0.1/in", "/to-own": own + "/v1/track", "/round": "/round"}
        urls = {
            "healthy": receiver.url + "/healthy",
            "dead": dead,
            "hanging": receiver.url + "/hanging",
            "broken": receiver.url + "/broken",
            "refusing": receiver.url + "/refusing",
            "busy": receiver.url + "/busy",
            "private": "http://10.0.0.1/in",
            "to-private": receiver.url + "/to-private",
            "to-own": receiver.url + "/to-own",
            "round": receiver.url + "/round",
            "own": own + "/healthz",
            "self-signed": self_signed_url,
            "no-tls": plain_url,
            "no-url": "not a url",
        }
        with instance.api() as api:
            self.source = create_source(api, "trouble")
            self.ids = {name: connect_webhook(api, self.source["id"], url)["id"] for name, url in urls.items()}
        self.started = time.monotonic()
        with self.sender() as send:
            send.send(track("first", user="u-1"))

    def sender(self):
        return sender(self.instance.url, self.source["writeKeys"][0])

    def ended(self, name):
        return wait_for_finals(self.instance, self.ids[name], 1, 90)

    def kept(self, name):
        def found():
            return [one for one in quarantined(self.instance) if one.holder == self.ids[name]]

        (one,) = wait_until(found, 60, f"quarantine of {name}")
        assert one.message_id == "first"
        assert json.loads(one.body)["messageId"] == "first"
        return one


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trouble")
    outside = Outside()
    with (
        Receiver(outside) as receiver,
        self_signed(folder) as self_signed_url,
        without_tls() as plain_url,
        Instance(folder / "data", SETTINGS) as instance,
    ):
        yield Scene(instance, receiver, outside, self_signed_url, plain_url)


def test_the_healthy_one_beside_them_gets_its_event(scene):
    ((outcome, _),) = scene.ended("healthy")
    assert outcome == "SUCCESSFUL_DELIVERY"


@pytest.mark.parametrize(
    ("name", "reason", "attempts", "shown"),
    [
        ("dead", "ECONNREFUSED", ATTEMPTS, "ECONNREFUSED"),
        ("hanging", "ETIMEDOUT", ATTEMPTS, "408"),
        ("broken", "500", ATTEMPTS, "out of order"),
        ("refusing", "400", 1, "no such list"),
        ("private", "INVALID_SETTINGS", 1, "outbound policy"),
        ("to-private", "INVALID_SETTINGS", 1, "10.0.0.1"),
        ("to-own", "INVALID_SETTINGS", 1, "a port of Penstock itself"),
        ("own", "INVALID_SETTINGS", 1, "a port of Penstock itself"),
        ("no-url", "MESSAGE_REJECTED", 1, "url"),
        ("round", "BAD_REQUEST", 1, "redirect"),
    ],
)
def test_each_trouble_ends_with_its_reason_and_is_kept_with_the_last_response(scene, name, reason, attempts, shown):
    assert scene.ended(name) == {("FAILED_DELIVERY", reason): 1}
    kept = scene.kept(name)
    assert (kept.reason, kept.attempts) == (reason, attempts)
    assert shown in kept.response.decode()


@pytest.mark.parametrize("name", ["self-signed", "no-tls"])
def test_a_tls_error_is_permanent_and_named(scene, name):
    ((outcome, reason),) = scene.ended(name)
    print(f"{name}: {reason}")
    assert outcome == "FAILED_DELIVERY"
    assert reason not in ("INTERNAL", "")
    assert scene.kept(name).attempts == 1


def test_retry_after_is_waited_for(scene):
    assert scene.ended("busy") == {("SUCCESSFUL_DELIVERY", "successes.attempt.3"): 1}
    first, second, third = scene.outside.times
    assert second - first >= 1
    assert third - second >= 1


def test_what_waits_for_a_retry_is_told_and_is_not_final(scene):
    scene.ended("broken")
    found = outcomes(scene.instance, destination_id=scene.ids["broken"])
    assert found["AWAITING_RETRY", "500"] == ATTEMPTS - 1


class TestOrdinaryEnds:
    """Ends that are nobody's trouble, through the whole tree."""

    def test_the_integrations_object_decides(self, scene):
        with scene.instance.api() as api:
            source = create_source(api, "choosy")
            destination = connect_webhook(api, source["id"], scene.receiver.url + "/choosy")
            name = data_of(api.get(f"/catalog/destinations/{WEBHOOK}"))["destinationMetadata"]["name"]
        sent = [{"All": False}, {name: False}, {"All": False, name: True}, {}]
        with sender(scene.instance.url, source["writeKeys"][0]) as send:
            for number, integrations in enumerate(sent):
                send.send({**track(f"i-{number}"), "integrations": integrations})
        assert wait_for_finals(scene.instance, destination["id"], 4) == {
            ("FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT"): 2,
            ("SUCCESSFUL_DELIVERY", "successes.attempt.1"): 2,
        }
        arrived = {one.json()["messageId"] for one in scene.receiver.requests if one.path == "/choosy"}
        assert arrived == {"i-2", "i-3"}

    def test_a_disabled_source_takes_nothing_and_says_so(self, scene):
        with scene.instance.api() as api:
            source = create_source(api, "asleep")
            destination = connect_webhook(api, source["id"], scene.receiver.url + "/asleep")
            data_of(api.patch(f"/sources/{source['id']}", json={"enabled": False}))
            with sender(scene.instance.url, source["writeKeys"][0]) as send:
                send.send(track("asleep"))
            disabled = ("FAILED_ON_INGEST", "source_disabled")
            wait_until(lambda: outcomes(scene.instance, source_id=source["id"]) == {disabled: 1}, 60, "the outcome")
            data_of(api.patch(f"/sources/{source['id']}", json={"enabled": True}))
            with sender(scene.instance.url, source["writeKeys"][0]) as send:
                send.send(track("awake"))
        wait_for_finals(scene.instance, destination["id"], 1)
        assert [one.json()["messageId"] for one in scene.receiver.requests if one.path == "/asleep"] == ["awake"]

    def test_a_destination_without_mappings_and_one_that_is_disabled(self, scene):
        with scene.instance.api() as api:
            source = create_source(api, "unmapped")
            body = {"sourceId": source["id"], "metadataId": WEBHOOK, "name": "None", "enabled": True, "settings": {}}
            unmapped = data_of(api.post("/destinations", json=body))["destination"]["id"]
            disabled = connect_webhook(api, source["id"], scene.receiver.url + "/disabled")["id"]
            data_of(api.patch(f"/destinations/{disabled}", json={"enabled": False}))
        with sender(scene.instance.url, source["writeKeys"][0]) as send:
            send.send(track("unmapped"))
        reason = ("FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING")
        assert wait_for_finals(scene.instance, unmapped, 1) == {reason: 1}
        assert finals(scene.instance, disabled) == {}
        assert not any(one.path == "/disabled" for one in scene.receiver.requests)


def test_another_destination_than_the_webhook_delivers_to_an_endpoint_of_the_user(scene):
    """The Extensible Webhook, on the same generic path as all others (test_generic_path.py)."""
    (metadata,) = (one for one in load_destination_catalog().values() if one.slug == "extensible-webhook")
    action = metadata.actions[0]
    trigger = example_trigger(metadata, action)
    mapping = {**example_mapping(metadata, action), "url": scene.receiver.url + "/extensible"}
    with scene.instance.api() as api:
        source = create_source(api, "extensible")
        body = {"sourceId": source["id"], "metadataId": metadata.id, "name": "Extensible", "enabled": True}
        body["settings"] = example_settings(metadata)
        destination = data_of(api.post("/destinations", json=body))["destination"]["id"]
        body = {"name": "Send", "actionId": action.id, "trigger": trigger, "enabled": True, "settings": mapping}
        data_of(api.post(f"/destinations/{destination}/subscriptions", json=body))
    with sender(scene.instance.url, source["writeKeys"][0]) as send:
        send.send(example_event(trigger))
    delivered = ("SUCCESSFUL_DELIVERY", "successes.attempt.1")
    assert wait_for_finals(scene.instance, destination, 1) == {delivered: 1}
    (request,) = (one for one in scene.receiver.requests if one.path == "/extensible")
    assert request.json()


def test_one_that_heals_gets_each_event_of_its_outage_while_memory_stays_flat(scene):
    """Connections are refused for ten windows' worth of events; then it listens again."""
    instance = scene.instance
    with Receiver() as healing:
        healing.silence()
        with instance.api() as api:
            source = create_source(api, "outage")
            destination = connect_webhook(api, source["id"], healing.url)["id"]
            beside = create_webhook(api, source["id"], "Beside")["id"]
            subscribe(api, beside, scene.receiver.url + "/beside", 'event = "Step Done"')
        engine = instance.pid_of("engine")
        before = resident_megabytes(engine)
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.batch(outage_events(0, 500))
            wait_until(lambda: destination in delivery(instance)["open_circuits"], 60, "an open circuit")
            for start in range(500, OUTAGE, 500):
                send.batch(outage_events(start, start + 500))
        wait_for_finals(instance, beside, OUTAGE, 180)
        ended = finals(instance, beside)
        delivered = sum(count for (outcome, _), count in ended.items() if outcome == "SUCCESSFUL_DELIVERY")
        assert delivered == OUTAGE // 10, ended
        state = delivery(instance)
        assert state["behind"] == 1
        assert state["window"] <= WINDOW
        highest = resident_megabytes(engine)
        healing.listen()
        started = time.monotonic()
        wait_for_finals(instance, destination, OUTAGE, 180)
        highest = max(highest, resident_megabytes(engine))
        print(f"caught up in {time.monotonic() - started:.1f} s; engine {before:.0f} MB, at most {highest:.0f} MB")
        ended = finals(instance, destination)
        assert {outcome for outcome, _ in ended} == {"SUCCESSFUL_DELIVERY"}
        found = Counter(request.json()["messageId"] for request in healing.requests)
        assert found.keys() == {f"o-{number}" for number in range(OUTAGE)}
        # A slow machine may cut an attempt off that had arrived: only what was tried again may be there again.
        tried_again = sum((int(reason.rpartition(".")[2]) - 1) * count for (_, reason), count in ended.items())
        assert found.total() - OUTAGE <= tried_again
        assert highest - before < 64
        assert delivery(instance)["behind"] == 0


def outage_events(start, end):
    """Every tenth is for the healthy destination too."""
    return (
        track(f"o-{number}", "Other" if number % 10 else "Step Done", f"u-{number % 50}", pad="x" * 100)
        for number in range(start, end)
    )


def delivery(instance):
    """The gauges of the engine's delivery."""
    return roles(instance)["engine"]["details"]["0"]["delivery"]
