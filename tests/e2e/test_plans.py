"""Tracking plans, schema settings and transformations on their way through everything (pipeline-order.md §5)."""

import itertools
import threading
import time

import pytest
from segment.analytics.client import Client

from penstock.spec import routed
from penstock.testing.instance import kill, wait_until
from penstock.testing.observing import finals, outcomes, quarantined, wait_for_finals
from penstock.testing.plans import PROMISE_SECONDS, RULE, arrived, make_plan
from penstock.testing.routed_log import log_address, messages_of
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, create_webhook, data_of, subscribe

XTREMEPUSH = "661e9787658d112ba31b59a7"


def transform(api, source, condition, **operations):
    body = {"name": "t", "sourceId": source["id"], "enabled": True, "if": condition, **operations}
    data_of(api.post("/transformations", json=body))


@pytest.fixture(scope="module")
def traced(instance, api, receiver):
    """The source and the ids of destinations A, B, which no event wants, and C, past two events of an unmodified SDK."""
    source = create_source(api, "shop")
    make_plan(api, source, RULE, track={"allowUnplannedEventProperties": False})
    transform(api, source, "event = 'Order Completed'", propertyRenames=[{"oldName": "total", "newName": "revenue"}])
    first = create_webhook(api, source["id"], "A")
    trigger = 'type = "track" and event = "Order Completed"'
    subscribe(api, first["id"], receiver.url + "/a", trigger, data={"@path": "$.properties"})
    body = {"sourceId": source["id"], "if": "properties.revenue < 10", "actions": [{"type": "DROP"}]}
    data_of(api.post(f"/destination/{first['id']}/filters", json=body | {"title": "Small", "enabled": True}))
    body = {"sourceId": source["id"], "metadataId": XTREMEPUSH, "name": "B", "enabled": True}
    body |= {"settings": {"url": receiver.url + "/unwanted", "apiKey": "key"}}
    second = data_of(api.post("/destinations", json=body))["destination"]
    third = connect_webhook(api, source["id"], receiver.url + "/c")
    currency = [{"propertyPaths": ["properties.currency"], "propertyValue": "EUR"}]
    metadata = first["metadata"]["id"]
    transform(api, source, "all", destinationMetadataId=metadata, propertyValueTransformations=currency)
    without_b = {second["metadata"]["name"]: False}
    errors = []
    client = Client(source["writeKeys"][0], host=instance.url, on_error=lambda *error: errors.append(error))
    of_big = {"order_id": "o1", "total": 25, "debug": 1}
    client.track("u-1", "Order Completed", of_big, integrations=without_b, message_id="big")
    of_small = {"order_id": "o2", "total": 5}
    client.track("u-1", "Order Completed", of_small, integrations=without_b, message_id="small")
    client.flush()
    client.join()
    assert errors == []
    for destination in (first, second, third):
        wait_for_finals(instance, destination["id"], 2)
    instance.sync()
    return source, first["id"], second["id"]


class TestTheWorkedTrace:
    def test_the_mapping_builds_its_request_from_what_all_stages_left(self, traced, receiver):
        assert arrived(receiver, "/a") == [{"order_id": "o1", "revenue": 25, "currency": "EUR"}]

    def test_a_filter_sees_what_the_sources_transformation_made(self, instance, traced):
        _, first, _ = traced
        assert finals(instance, first)["FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"] == 1

    def test_what_an_event_does_not_want_to_go_to_gets_nothing(self, instance, traced, receiver):
        _, _, second = traced
        assert finals(instance, second) == {("FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT"): 2}
        assert not [request for request in receiver.requests if request.path.startswith("/unwanted")]

    def test_another_destination_of_the_type_is_transformed_too_but_not_filtered(self, traced, receiver):
        bodies = {body["messageId"]: body for body in arrived(receiver, "/c")}
        assert bodies["small"]["properties"] == {"order_id": "o2", "revenue": 5, "currency": "EUR"}
        assert bodies["big"]["context"]["protocols"] == {"sourceId": traced[0]["id"], "omitted": ["debug"]}

    def test_the_warehouse_has_what_the_source_left(self, instance, traced):
        rows = instance.sql("select id, order_id, revenue from shop.order_completed order by id")
        assert rows == [
            {"id": "big", "order_id": "o1", "revenue": 25},
            {"id": "small", "order_id": "o2", "revenue": 5},
        ]
        columns = instance.sql("select column_name from information_schema.columns where table_name='order_completed'")
        names = {row["column_name"] for row in columns}
        assert names.isdisjoint({"total", "debug", "currency"})


@pytest.fixture(scope="module")
def sparing(instance, api):
    """A source that keeps nothing of what it blocks."""
    source = create_source(api, "sparing")
    make_plan(api, source, RULE, track={"allowUnplannedEvents": False})
    data_of(api.patch(f"/penstock/sources/{source['id']}/intake", json={"keepBlockedEvents": False}))
    return source


@pytest.fixture(scope="module")
def blocked(instance, api, receiver, sparing):
    """Past one that the sparing source blocked: the source, that which gets what is forwarded, and the id of a destination, past one event of each kind."""
    source, other = create_source(api, "blocking"), create_source(api, "forwarded")
    make_plan(
        api,
        source,
        RULE,
        track={"allowUnplannedEvents": False, "allowEventOnViolations": False},
        forwardingViolationsTo=other["id"],
        forwardingBlockedEventsTo=other["id"],
    )
    destination = connect_webhook(api, source["id"], receiver.url + "/blocking")
    forwarded = connect_webhook(api, other["id"], receiver.url + "/forwarded")
    with sender(instance.url, sparing["writeKeys"][0]) as send:
        send.send(track("gone", "Order Compleeted"))
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("good", "Order Completed", order_id="o1"))
        send.send(track("unplanned", "Order Compleeted", order_id="o1"))
        send.send(track("violating", "Order Completed", total="much"))
    wait_for_finals(instance, destination["id"], 1)
    wait_for_finals(instance, forwarded["id"], 4)
    return source, other, destination["id"]


class TestBlocking:
    def test_what_is_blocked_reaches_no_destination_and_is_counted_by_its_reason(self, instance, blocked, receiver):
        source, _, _ = blocked
        assert [body["messageId"] for body in arrived(receiver, "/blocking")] == ["good"]
        wanted = {
            ("SUCCESSFULLY_RECEIVED", ""): 3,
            ("FILTERED_AT_SOURCE", "unplanned"): 1,
            ("FILTERED_AT_SOURCE", "schema_violation"): 1,
        }

        def counted():
            return outcomes(instance, of_source_itself=True, source_id=source["id"])

        wait_until(lambda: counted() == wanted, 60, "three received, two of them filtered at their source")

    def test_it_reaches_no_warehouse(self, instance, blocked):
        instance.sync()
        assert instance.sql("select id from blocking.tracks") == [{"id": "good"}]

    def test_it_is_kept_in_quarantine_as_it_came(self, instance, blocked):
        source, _, _ = blocked

        def found():
            return {one.message_id: one.reason for one in quarantined(instance) if one.holder == source["id"]}

        wanted = {"unplanned": "unplanned", "violating": "schema_violation"}
        wait_until(lambda: found() == wanted, 60, "both in quarantine")

    def test_what_a_source_blocks_that_keeps_nothing_is_counted_and_gone(self, instance, blocked, sparing):
        source, _, _ = blocked
        wanted = {("SUCCESSFULLY_RECEIVED", ""): 1, ("FILTERED_AT_SOURCE", "unplanned"): 1}

        def counted():
            return outcomes(instance, of_source_itself=True, source_id=sparing["id"])

        wait_until(lambda: counted() == wanted, 60, "one received, and filtered at its source")
        # Quarantine is written in the order of the log, and that one came first.
        wait_until(lambda: source["id"] in {one.holder for one in quarantined(instance)}, 60, "what came later")
        assert "gone" not in {one.message_id for one in quarantined(instance)}

    def test_blocked_events_and_violations_go_to_the_source_that_is_for_them(self, blocked, receiver):
        source, other, _ = blocked
        bodies = arrived(receiver, "/forwarded")
        assert {body["projectId"] for body in bodies} == {other["id"]}
        assert {body["forwardedFromProject"] for body in bodies} == {source["id"]}
        told = [body["properties"] for body in bodies if body["event"] == "Violation Generated"]
        assert sorted(each["violationField"] for each in told) == ["properties.order_id", "properties.total"]
        assert {each["eventMessageID"] for each in told} == {"violating"}
        whole = [body for body in bodies if body["event"] != "Violation Generated"]
        assert sorted(body["event"] for body in whole) == ["Order Compleeted", "Order Completed"]


class Load:
    """Sends pairs of two events without a pause, each until it is accepted, while the context is open."""

    def __init__(self, instance, source):
        self._instance, self._key = instance, source["writeKeys"][0]
        self._stop = threading.Event()
        self._sending = threading.Thread(target=self._send)
        self.ids = set()

    def __enter__(self):
        self._sending.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._sending.join()

    def _send(self):
        with sender(self._instance.url, self._key) as send:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                pair = [track(f"hot-{number}-{one}", f"Event {one}") for one in range(2)]
                while send.post("/v1/batch", {"batch": pair}).status_code != 200:
                    time.sleep(0.01)
                self.ids |= {event["messageId"] for event in pair}


def judged_frames(instance, source):
    """Of every ROUTED frame with events of the source: (version, received at, {message id: whether it went on})."""
    found = []
    for _, _, payload in messages_of(log_address(instance.pid_of("engine")), "ROUTED-0"):
        head = routed.decoder.frame(payload)[0]
        own = [row for row in head.rows if head.sources[row.source].source_id == source["id"]]
        if own:
            fates = {row.message_id: row.fate == routed.ROUTED_TO_ALL for row in own}
            found.append((head.snapshot_version, head.received_at, fates))
    return found


def test_under_load_a_plan_judges_whole_frames_and_all_that_come_two_seconds_after_its_answer(instance, api):
    """Also where the log engine is killed right before the change. Every second version plans the other event."""
    source = create_source(api, "changing")
    path = make_plan(api, source, RULE | {"key": "Event 0"}, track={"allowUnplannedEvents": False})
    changes = []
    with Load(instance, source) as load:
        wait_until(lambda: load.ids, 60, "events under the first version")
        for number in range(1, 5):
            if number == 3:
                kill(instance.pid_of("log"))
            rule = RULE | {"key": f"Event {number % 2}", "jsonSchema": {}}
            data_of(api.put(f"{path}/rules", json={"rules": [rule]}))
            changes.append(time.time() + PROMISE_SECONDS)
            time.sleep(PROMISE_SECONDS + 0.5)  # the promise itself is what is tested

    def frames():
        found = judged_frames(instance, source)
        return found if sum(len(fates) for _, _, fates in found) == len(load.ids) else None

    judged = wait_until(frames, 90, "every accepted event routed, once")
    planned = {}
    for version, _, fates in judged:
        (wanted,) = {int(message_id[-1]) for message_id, went_on in fates.items() if went_on}
        assert all(went_on == (int(message_id[-1]) == wanted) for message_id, went_on in fates.items())
        assert planned.setdefault(version, wanted) == wanted
    versions = [version for version, _, _ in judged]
    assert versions == sorted(versions)
    changed = list(itertools.accumulate((planned[a] != planned[b] for a, b in itertools.pairwise(versions)), initial=0))
    for number, at in enumerate(changes, 1):
        after = [count for count, (_, received_at, _) in zip(changed, judged, strict=True) if received_at / 1000 >= at]
        assert after
        assert min(after) >= number
