"""One who has left something in every store is deleted, and nothing of theirs is found in the data directory any more.

Processes are killed inside the deletion: after a store's answer, after that of a destination, and before a warehouse's
new file takes its place. The search is shown to work: it finds the person in every store before the deletion; that it
finds them again where a store does not forget is shown store by store in tests/architecture/test_forgetting.py.
"""

import base64
import os
import shutil
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest

from penstock.kit.time import read_iso
from penstock.spec.stores import REGISTER, Keeps
from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import finals, outcomes, quarantined, roles
from penstock.testing.receiver import Receiver, Reply
from penstock.testing.searching import Person, search_files, search_streams, tables_of
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, create_webhook, data_of, subscribe

V1 = {"accept": "application/vnd.segment.v1+json"}
SETTINGS = {
    "PENSTOCK_API_RATE_FACTOR": "0",
    "PENSTOCK_PROBE_SECONDS": "0.5",
    "PENSTOCK_RETRY_SECONDS": "1" + ",2" * 20,
    "PENSTOCK_RETRY_WINDOW_SECONDS": "600",
    "PENSTOCK_WAREHOUSE_IDLE_SECONDS": "0.2",
}
OFTEN = {"PENSTOCK_RETENTION_SECONDS": "0.5"}
PROMISE_SECONDS = 2.0
KILLED_AT = ("regulations.erased", "regulations.forwarded", "warehousing.rewritten")
PRINTING = """const onTrack = (event) => console.log(JSON.stringify(event)), onIdentify = onTrack, onGroup = onTrack
const onDelete = (event) => { throw new ValidationError(`nobody is called ${event.userId}`) }"""
DUCKDB, LEFT_FILE = "5ueVxX4PpD", "penstock-left.duckdb"
XTREMEPUSH = "661e9787658d112ba31b59a7"
USER, EMAIL, ANONYMOUS = "u-4f1c-forgotten", "ada.4f1c@mail.example", "anon-4f1c-9d3e"
RETURNED = "u-77aa-returned"
PERSON = Person(USER, EMAIL, ANONYMOUS)
FAIL = """async function onRequest(request) {
  throw request.json().later ? new RetryError('later') : new Error('never')
}"""
"""A source function: what was sent to it stands in quarantine, or waits for its retry."""


def unknown(message_id):
    """Before the person was known."""
    event = {"type": "track", "event": "Step Done", "messageId": message_id, "properties": {"email": EMAIL}}
    return event | {"anonymousId": ANONYMOUS}


def events():
    common = {"anonymousId": ANONYMOUS, "context": {"traits": {"email": EMAIL}}}
    yield unknown("unknown")
    yield track("mine", user=USER, email=EMAIL) | common
    yield {"type": "identify", "userId": USER, "messageId": "mine-2", "traits": {"email": EMAIL}} | common
    yield {"type": "group", "userId": USER, "groupId": "g-1", "messageId": "mine-3", "traits": {"plan": "a"}} | common
    yield track("before", user=RETURNED)
    yield track("other", user="u-1")


class Scene:
    """What the phases found."""

    def __init__(self, folder):
        self.is_up = threading.Event()
        self.receiver = Receiver(
            lambda request: Reply(500 if "failing" in request.path and not self.is_up.is_set() else 200)
        )
        self.faults = folder / "faults"
        self.faults.mkdir()
        self.instance = Instance(folder / "data", SETTINGS | {"PENSTOCK_FAULTS_DIR": str(self.faults)})
        self.old_warehouse = folder / "old-warehouse"

    def arrived(self, path):
        return {request.json().get("messageId") for request in self.receiver.requests if request.path == path}

    def set_up(self, api):
        self.source, self.strict = create_source(api, "forgetting"), create_source(api, "strict")
        connect_webhook(api, self.source["id"], self.receiver.url + "/good")
        self.failing = create_webhook(api, self.source["id"], "Failing")
        subscribe(api, self.failing["id"], self.receiver.url + "/failing")
        settings = {"url": self.receiver.url, "apiKey": "key"}
        body = {"sourceId": self.source["id"], "metadataId": XTREMEPUSH, "name": "Push", "settings": settings}
        self.push = data_of(api.post("/destinations", json=body | {"enabled": True}))["destination"]
        code = {"code": PRINTING, "displayName": "Printing", "resourceType": "DESTINATION"}
        made = data_of(api.post("/functions", json=code))["function"]["id"]
        self.logs = f"/penstock/functions/{made}/logs"
        entry = data_of(api.get(f"/functions/{made}", headers=V1))["function"]["catalogId"]
        body = {"sourceId": self.source["id"], "metadataId": entry, "enabled": True}
        data_of(api.post("/destinations", json=body))
        code = {"code": FAIL, "displayName": "Fail", "resourceType": "SOURCE"}
        entry = data_of(api.post("/functions", json=code, headers=V1))["function"]["catalogId"]
        asked = {"slug": "asked", "metadataId": entry, "enabled": True}
        self.asked = data_of(api.post("/sources", json=asked))["source"]
        plan = data_of(api.post("/tracking-plans", json={"name": "Strict", "type": "LIVE"}))["trackingPlan"]
        data_of(api.post(f"/tracking-plans/{plan['id']}/sources", json={"sourceId": self.strict["id"]}))
        body = {"metadataId": DUCKDB, "name": "Left", "enabled": True, "settings": {"file": LEFT_FILE}}
        self.left = data_of(api.post("/warehouses", json=body))["warehouse"]["id"]
        blocking = {"track": {"allowUnplannedEvents": False}}
        data_of(api.patch(f"/sources/{self.strict['id']}/settings", json=blocking))
        time.sleep(PROMISE_SECONDS)

    def send(self, source, *sent):
        with sender(self.instance.url, source["writeKeys"][0]) as send:
            send.batch(sent)

    def has_printed(self, api):
        return USER in api.get(self.logs).text

    def call(self, user_id, **others):
        token = base64.urlsafe_b64encode(self.asked["writeKeys"][0].encode()).decode()
        body = {"customer": {"id": user_id, "email": EMAIL if user_id == USER else ""}} | others
        assert httpx.post(f"{self.instance.url}/fn", params={"b": token}, json=body).status_code == 200

    def leave_traces(self, api):
        for user_id in (USER, "u-1"):
            self.call(user_id)
        self.call(USER, later=True)
        self.send(self.source, *events())
        mine = track("blocked", user=USER, email=EMAIL) | {"anonymousId": ANONYMOUS}
        self.send(self.strict, mine, track("blocked-1", user="u-1"), unknown("blocked-2"))
        wait_until(lambda: {"mine", "other"} <= self.arrived("/failing"), 60, "the first attempts")
        wait_until(lambda: len(quarantined(self.instance)) >= 5, 90, "what was blocked or failed in quarantine")
        awaited = lambda: "RETRY_ERROR" in str(outcomes(self.instance))  # noqa: E731
        wait_until(awaited, 90, "the request that waits for its retry")
        wait_until(lambda: self.has_printed(api), 60, "what the function prints")
        self.instance.sync()
        assert api.delete(f"/warehouses/{self.left}").status_code == 200
        wait_until(lambda: self.left not in str(roles(self.instance)["warehousing"]), 90, "the warehouse to be gone")

    def wait_for_a_closed_warehouse(self):
        closed = lambda: not roles(self.instance)["warehousing"]["details"]["open"]  # noqa: E731
        wait_until(closed, 60, "the file to be closed")

    def people(self):
        statement = "select coalesce(user_id, anonymous_id) as who from forgetting.tracks union select id from "
        return {row["who"] for row in self.instance.sql(statement + "forgetting.users")}

    def delete(self, api):
        body = {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": [USER, RETURNED]}
        for fault in KILLED_AT:
            (self.faults / fault).write_text("stop")
        answer = api.post("/regulations", json=body, headers=V1)
        regulation = data_of(answer)["regulateId"]
        self.kill_inside()
        wait_until(lambda: self.status_of(regulation) == "PARTIAL_SUCCESS", 60, "the end of the deletion")
        self.regulation = data_of(api.get(f"/regulations/{regulation}"))["regulation"]
        self.receipt = data_of(api.get(f"/penstock/regulations/{regulation}/receipt"))["receipt"]

    def kill_inside(self):
        """In the order in which the points are reached: stores and destinations are told beside each other."""
        for _ in KILLED_AT:
            stopped = wait_until(
                lambda: [*self.faults.glob("*.*.*")], 30, f"a stop, but for {[*self.faults.iterdir()]}"
            )
            os.kill(int(stopped[0].suffix[1:]), signal.SIGKILL)
            stopped[0].unlink()

    def status_of(self, regulation):
        """Nothing while the control process starts again."""
        try:
            with self.instance.api() as api:
                return data_of(api.get(f"/regulations/{regulation}"))["regulation"]["overallStatus"]
        except (httpx.HTTPError, AssertionError):
            return ""

    def end_retries(self):
        mine = lambda: [1 for each in self.receiver.requests if each.json().get("userId") == USER]  # noqa: E731
        before = len(mine())
        self.is_up.set()
        wait_until(lambda: "USER_DELETED" in str(outcomes(self.instance)), 90, "the end of the retry")
        delivered = lambda: "successes.attempt" in str(finals(self.instance, self.failing["id"]))  # noqa: E731
        wait_until(delivered, 90, "the other user's retry")
        self.came_back = len(mine()) - before

    @contextmanager
    def later(self):
        """The same installation at the last time of the receipt. What comes then moves positions that are kept."""
        gone_at = max(read_iso(line["goneAt"])[0] for line in self.receipt["stores"] if line["goneAt"])
        hours = gone_at / 3_600_000 - time.time() / 3_600
        self.instance.start(OFTEN | {"PENSTOCK_CLOCK_OFFSET_HOURS": str(hours)})
        for source in (self.source, self.strict):
            self.send(source, track(f"later-{time.time()}", user="u-1"))
        yield
        self.instance.stop()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Everything that happens; the tests look at what was found on the way."""
    scene = Scene(tmp_path_factory.mktemp("forgetting"))
    instance = scene.instance
    with scene.receiver, instance, instance.api() as api:
        scene.set_up(api)
        scene.leave_traces(api)
        scene.people_before = scene.people()
        scene.wait_for_a_closed_warehouse()
        shutil.copytree(instance.data / "warehouse", scene.old_warehouse)
        scene.before = search_streams(instance, PERSON) | search_files(instance.data, PERSON)
        scene.delete(api)
        scene.prints_after = scene.has_printed(api)
        scene.people_after = scene.people()
        scene.held = [each.body for each in quarantined(instance)]
        scene.wait_for_a_closed_warehouse()
        scene.at_once = search_files(instance.data / "warehouse", PERSON)
        scene.end_retries()
        scene.send(scene.source, track("after", user=RETURNED))
        wait_until(lambda: "after" in scene.arrived("/good"), 60, "what came after the deletion")
        instance.stop()
        with scene.later():
            wait_until(lambda: not search_streams(instance, PERSON), 90, "the streams to be purged")
        scene.after = search_files(instance.data, PERSON)
        scene.log = instance.log()
        yield scene


class TestTheSearch:
    def test_it_finds_the_person_in_every_store_of_events_before_the_deletion(self, scene):
        assert {store.name for store in REGISTER if store.keeps is Keeps.EVENTS} <= scene.before.keys()
        assert f"warehouse/{LEFT_FILE}" in scene.before["embedded warehouse"], "whose warehouse was deleted before"
        assert scene.people_before == {USER, ANONYMOUS, RETURNED, "u-1"}

    def test_it_finds_nothing_after_the_time_of_the_receipt_but_the_regulation_itself(self, scene):
        assert scene.after.keys() <= {"control database"}
        tables = tables_of(scene.instance.data / "control.sqlite")
        assert {name for name, rows in tables.items() if PERSON.is_in(repr(rows).encode())} == {"regulation_subjects"}
        others = Person(EMAIL, ANONYMOUS)
        assert not any(others.is_below(file.read_bytes()) for file in scene.instance.data.glob("control.sqlite*"))

    def test_it_finds_the_person_where_a_warehouse_was_not_rewritten(self, scene):
        assert search_files(scene.old_warehouse.parent, PERSON).keys() - {"control database"}

    def test_nothing_of_the_person_was_logged(self, scene):
        assert not PERSON.is_in(scene.log.encode())


class TestDeletion:
    def test_the_warehouse_has_lost_the_person_at_once(self, scene):
        assert scene.people_after == {"u-1"}
        assert scene.at_once == {}

    def test_quarantine_has_lost_the_person_and_no_retry_brings_them_back(self, scene):
        assert len(scene.held) == 2, "the event that was blocked and the request that failed of another one"
        assert not any(map(PERSON.is_in, scene.held)), "also what came before the person was known"
        assert all(b'"u-1' in held.replace(b"\\", b"") for held in scene.held)
        assert scene.came_back == 0

    def test_what_functions_printed_is_gone_at_once(self, scene):
        assert not scene.prints_after

    def test_what_comes_after_the_deletion_is_delivered(self, scene):
        assert "after" in scene.arrived("/good")

    def test_a_destination_that_takes_deletions_was_told(self, scene):
        told = [each.json() for each in scene.receiver.requests if each.path == "/api/integration/segment/delete"]
        assert Counter(each["userId"] for each in told) == {USER: 2, RETURNED: 2}, "again after the kill"
        (stream,) = (each for each in scene.regulation["streamStatus"] if each["id"] == scene.source["id"])
        (status,) = (each for each in stream["destinationStatus"] if each["id"] == scene.push["id"])
        assert (status["name"], status["status"], status["errString"]) == ("Push", "FINISHED", "")
        assert status["finishedAt"]

    def test_the_receipt_tells_of_every_store(self, scene):
        states = {(line["store"], line["state"]) for line in scene.receipt["stores"]}
        assert {("warehouse", "DONE"), ("quarantine", "DONE"), ("destination", "DONE")} <= states
        assert ("destination", "NOT_SUPPORTED") in states
        (left,) = (line for line in scene.receipt["stores"] if line["id"] == scene.left)
        assert (left["store"], left["name"], left["state"]) == ("warehouse", "Left", "DONE")
        assert all(line["goneAt"] for line in scene.receipt["stores"] if line["state"] == "DONE")
        assert scene.receipt["status"] == "PARTIAL_SUCCESS"
