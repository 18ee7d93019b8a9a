"""Objects (`Segment.set`) on a whole installation: a source function tells of them, a warehouse holds the latest, and one
that is deleted is found nowhere in the data directory any more.

The engine is killed between the requests, so that runs are repeated.
"""

import base64
import os
import signal
import time

import httpx
import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import quarantined, roles
from penstock.testing.receiver import Receiver
from penstock.testing.searching import Person, search_files, search_streams, tables_of
from penstock.testing.setup import connect_webhook, data_of

V1 = {"accept": "application/vnd.segment.v1+json"}
SETTINGS = {"PENSTOCK_API_RATE_FACTOR": "0", "PENSTOCK_WAREHOUSE_IDLE_SECONDS": "0.2"}
LATER = {"PENSTOCK_CLOCK_OFFSET_HOURS": "340", "PENSTOCK_RETENTION_SECONDS": "0.5"}
"""Longer than any store keeps anything."""
PROMISE_SECONDS = 2.0
ROOM = "room-5b2d-forgotten"
THING = Person(ROOM)
TELL = """async function onRequest(request) {
  const { room, broken, ...properties } = request.json();
  if (broken) throw new Error('as asked');
  Segment.set({ collection: 'Rooms', id: room, properties });
  Segment.track({ userId: 'u', event: 'Told' });
}"""
ROOMS = "select id, beds, name from told.rooms order by id"
MADE = {"slug": "told", "enabled": True}


class Scene:
    """What happens; the tests look at what was found on the way."""

    def __init__(self, folder):
        self.receiver = Receiver()
        self.instance = Instance(folder / "data", SETTINGS)

    def set_up(self, api):
        asked = {"code": TELL, "displayName": "Tell", "resourceType": "SOURCE"}
        entry = data_of(api.post("/functions", json=asked, headers=V1))["function"]["catalogId"]
        self.source = data_of(api.post("/sources", json=MADE | {"metadataId": entry}))["source"]
        connect_webhook(api, self.source["id"], self.receiver.url)
        time.sleep(PROMISE_SECONDS)

    def tell(self, **body):
        token = base64.urlsafe_b64encode(self.source["writeKeys"][0].encode()).decode()
        assert httpx.post(f"{self.instance.url}/fn", params={"b": token}, json=body).status_code == 200

    def told(self):
        """Requests of which the destination has heard, each once."""
        events = [request.json() for request in self.receiver.requests]
        assert {event["event"] for event in events} <= {"Told"}, "no destination hears of objects"
        return len({event["messageId"] for event in events})

    def rooms(self):
        self.instance.sync()
        return [tuple(row.values()) for row in self.instance.sql(ROOMS)]

    def leave_traces(self):
        self.tell(room=ROOM, beds=1, name="Sea")
        wait_until(lambda: self.told() == 1, 60, "the first run")
        for beds in range(2, 12):
            self.tell(room=f"room-{beds}", beds=beds)
        os.kill(self.instance.pid_of("engine"), signal.SIGKILL)
        self.tell(room=ROOM, beds=2)
        self.tell(room=ROOM, broken=True)
        wait_until(lambda: self.told() == 12, 90, "all runs")
        wait_until(lambda: quarantined(self.instance), 60, "the request that failed")

    def regulate(self, api, kind, path="/regulations", **more):
        """The receipt, once it is done."""
        body = {"regulationType": kind, "subjectType": "OBJECT_ID", "subjectIds": [ROOM]} | more
        made = data_of(api.post(path, json=body, headers=V1))["regulateId"]
        read = lambda: data_of(api.get(f"/regulations/{made}"))["regulation"]["overallStatus"]  # noqa: E731
        wait_until(lambda: read() == "FINISHED", 60, f"the end of {kind}")
        return data_of(api.get(f"/penstock/regulations/{made}/receipt"))["receipt"]

    def suppress_and_end(self, api):
        """Rooms while nothing is taken of this one in its collection, and when that has ended."""
        collection = {"path": f"/regulations/cloudsources/{self.source['id']}", "collection": "rooms"}
        heard = self.told()
        for kind, beds in (("SUPPRESS_ONLY", 7), ("UNSUPPRESS", 8)):
            self.regulate(api, kind, **collection)
            time.sleep(PROMISE_SECONDS)
            self.tell(room=ROOM, beds=beds)
            heard += 1
            wait_until(lambda wanted=heard: self.told() == wanted, 60, "the run")
            yield self.rooms()

    def has_purged(self):
        return not search_streams(self.instance, THING)

    def is_closed(self):
        return not roles(self.instance)["warehousing"]["details"]["open"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("objects"))
    instance = scene.instance
    with scene.receiver, instance:
        with instance.api() as api:
            scene.set_up(api)
            scene.leave_traces()
            scene.before = scene.rooms()
            scene.suppressed, scene.ended = scene.suppress_and_end(api)
            wait_until(scene.is_closed, 60, "the file to be closed")
            scene.places = search_streams(instance, THING) | search_files(instance.data, THING)
            scene.receipt = scene.regulate(api, "DELETE_ONLY")
            scene.after = scene.rooms()
            scene.held = quarantined(instance)
            wait_until(scene.is_closed, 60, "the file to be closed")
            scene.at_once = search_files(instance.data / "warehouse", THING)
        instance.stop()
        instance.start(LATER)
        scene.tell(room="room-1", beds=1)
        wait_until(scene.has_purged, 90, "the streams to be purged")
        instance.stop()
        scene.places_later = search_files(instance.data, THING)
        yield scene


OTHERS = [(f"room-{beds}", beds, None) for beds in range(2, 12)]


def rooms(beds):
    return sorted([*OTHERS, (ROOM, beds, "Sea")])


def test_the_latest_of_each_object_stands_in_the_warehouse_whatever_is_killed(scene):
    assert scene.before == rooms(2)


def test_nothing_is_taken_of_one_that_is_suppressed_until_that_ends(scene):
    assert (scene.suppressed, scene.ended) == (rooms(2), rooms(8))


def test_the_deletion_finds_it_in_every_store_and_others_stay(scene):
    assert {"accepted", "routed", "quarantine", "embedded warehouse"} <= scene.places.keys()
    assert scene.after == sorted(OTHERS)
    assert (scene.at_once, scene.held) == ({}, [])
    lines = {line["store"]: line for line in scene.receipt["stores"]}
    assert (lines["warehouse"]["state"], lines["warehouse"]["rows"]) == ("DONE", 1)
    assert (lines["quarantine"]["state"], lines["quarantine"]["rows"]) == ("DONE", 1)
    assert "destination" not in lines


def test_it_is_found_nowhere_after_the_time_of_the_receipt_but_in_the_regulations_themselves(scene):
    assert scene.places_later.keys() <= {"control database"}
    tables = tables_of(scene.instance.data / "control.sqlite")
    assert {name for name, rows in tables.items() if THING.is_in(repr(rows).encode())} == {"regulation_subjects"}
