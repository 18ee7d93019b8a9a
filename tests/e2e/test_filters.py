"""What a user switches through the API decides what arrives: filters, sources, destinations; and an event's own wish."""

import time
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from penstock.catalog.warehouses.duckdb import QueryLimits, query_file
from penstock.spec.edits.filters import sample_fraction
from penstock.testing.instance import wait_until
from penstock.testing.observing import finals, outcomes, wait_for_finals
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

USERS = 60
PROMISE_SECONDS = 2.0
"""A change acts on what is sent as long after its answer."""


def arrived(receiver, path):
    """Bodies by message id."""
    return {request.json()["messageId"]: request.json() for request in receiver.requests if request.path == path}


def add_filter(api, destination, condition, *actions):
    body = {"sourceId": destination["sourceId"], "if": condition, "actions": list(actions)}
    body |= {"title": "A filter", "enabled": True}
    return data_of(api.post(f"/destination/{destination['id']}/filters", json=body))["filter"]


FILTERS = {
    "/plain": [],
    "/drop": [("length( userId ) < 1 or match( properties.email, '*@corp.example' )", {"type": "DROP"})],
    "/only": [('!( event = "Order Completed" )', {"type": "DROP"})],
    "/sample": [('event = "Step Done"', {"type": "SAMPLE", "percent": 0.4, "path": "userId"})],
    "/remove": [
        ("all", {"type": "DROP_PROPERTIES", "fields": {"properties": ["email"], "properties.lines": ["cost"]}})
    ],
    "/allow": [
        ('event = "Order Completed"', {"type": "ALLOW_PROPERTIES", "fields": {"properties": ["total", "none"]}})
    ],
    "/skus": [("'A' in properties.skus", {"type": "DROP"})],
    "/several": [
        ("all", {"type": "ALLOW_PROPERTIES", "fields": {"properties": ["total", "email"]}}),
        ("all", {"type": "DROP_PROPERTIES", "fields": {"properties": ["email"]}}),
        ('event = "Step Done"', {"type": "DROP"}),
    ],
}


def events_sent():
    lines = [{"sku": "A", "cost": 1}, {"sku": "B"}]
    for number in range(USERS):
        domain = "corp.example" if number % 3 == 0 else "home.example"
        name = "Order Completed" if number % 2 else "Step Done"
        skus = ["A", "B"] if number % 5 == 0 else ["B"]
        properties = {"email": f"u{number}@{domain}", "total": number, "lines": lines, "skus": skus}
        yield track(f"m{number}", name, f"u{number}", **properties) | {"context": {"app": {"version": "1.2"}}}


@pytest.fixture(scope="module")
def filtered(instance, api, receiver):
    """Events past one webhook per case; (bodies by path and message id, destination ids by path)."""
    source = create_source(api, "filtered")
    destinations = {path: connect_webhook(api, source["id"], receiver.url + path) for path in FILTERS}
    for path, wanted in FILTERS.items():
        for condition, action in wanted:
            add_filter(api, destinations[path], condition, action)
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch(events_sent())
    bodies = defaultdict(dict)
    for path, destination in destinations.items():
        wait_for_finals(instance, destination["id"], USERS)
        bodies[path] = arrived(receiver, path)
    return bodies, {path: destination["id"] for path, destination in destinations.items()}


def ids_where(holds):
    return {event["messageId"] for event in events_sent() if holds(event)}


class TestActions:
    def test_without_filters_every_event_arrives_whole(self, filtered):
        bodies, _ = filtered
        assert {key: body["properties"] for key, body in bodies["/plain"].items()} == {
            event["messageId"]: event["properties"] for event in events_sent()
        }

    def test_what_is_dropped_does_not_arrive_and_is_counted(self, instance, filtered):
        bodies, destinations = filtered
        wanted = ids_where(lambda event: event["properties"]["email"].endswith("home.example"))
        assert set(bodies["/drop"]) == wanted
        assert finals(instance, destinations["/drop"]) == {
            ("SUCCESSFUL_DELIVERY", "successes.attempt.1"): len(wanted),
            ("FILTERED_AT_DESTINATION", "FILTERED_BY_RULES"): USERS - len(wanted),
        }

    def test_the_api_tells_of_which_app_version_they_were_and_how_long_they_took(self, api, filtered):
        destination = data_of(api.get(f"/destinations/{filtered[1]['/drop']}"))["destination"]
        now = time.time()
        times = [datetime.fromtimestamp(each, UTC).isoformat() for each in (now - 600, now + 60)]
        query = {"sourceId": destination["sourceId"], "destinationConfigId": destination["id"], "granularity": "MINUTE"}
        query |= dict(zip(("startTime", "endTime"), times, strict=True)) | {"groupBy.0": "appVersion"}
        total = {}
        for step in ("successful-delivery", "filtered-at-destination"):
            (group,) = data_of(api.get(f"/delivery-overview/{step}", params=query))["dataset"]
            assert group["appVersion"] == "1.2"
            total[step] = group["total"]
        assert sum(total.values()) == USERS
        metrics = data_of(api.get(f"/destinations/{destination['id']}/delivery-metrics", params=query))
        latency = metrics["deliveryMetricsSummary"]["metrics"][-1]
        assert (latency["metricName"], latency["total"]) == ("latency", total["successful-delivery"])
        assert 0 < latency["breakdown"][0]["value"] < 60_000

    def test_only_what_is_to_be_sent_arrives(self, filtered):
        assert set(filtered[0]["/only"]) == ids_where(lambda event: event["event"] == "Order Completed")

    def test_a_sample_is_the_same_users_and_of_nothing_else(self, filtered):
        wanted = ids_where(lambda one: one["event"] != "Step Done" or sample_fraction(one["userId"]) < 0.4)
        assert set(filtered[0]["/sample"]) == wanted
        assert USERS / 2 < len(wanted) < USERS

    def test_a_list_of_the_event_is_asked_by_in(self, filtered):
        assert set(filtered[0]["/skus"]) == ids_where(lambda event: "A" not in event["properties"]["skus"])

    def test_listed_properties_are_gone_also_in_each_element_of_an_array(self, filtered):
        bodies = filtered[0]["/remove"]
        for event in events_sent():
            whole = event["properties"]
            wanted = {"total": whole["total"], "lines": [{"sku": "A"}, {"sku": "B"}], "skus": whole["skus"]}
            assert bodies[event["messageId"]]["properties"] == wanted

    def test_only_allowed_properties_arrive_where_the_condition_holds(self, filtered):
        bodies = filtered[0]["/allow"]
        for event in events_sent():
            whole = event["properties"]
            wanted = {"total": whole["total"]} if event["event"] == "Order Completed" else whole
            assert bodies[event["messageId"]]["properties"] == wanted

    def test_several_filters_act_in_the_order_of_their_kinds(self, filtered):
        bodies = filtered[0]["/several"]
        assert set(bodies) == ids_where(lambda event: event["event"] == "Order Completed")
        assert all(set(body["properties"]) == {"total"} for body in bodies.values())

    def test_the_preview_tells_what_arrives(self, api, filtered):
        bodies, _ = filtered
        for path in ("/drop", "/only", "/sample", "/skus", "/remove", "/allow"):
            ((condition, action),) = FILTERS[path]
            for event in events_sent():
                asked = {"filter": {"if": condition, "actions": [action]}, "payload": event}
                result = data_of(api.post("/destination/filters/preview", json=asked))["result"]
                body = bodies[path].get(event["messageId"])
                assert (result and result["properties"]) == (body and body["properties"])


class Switched:
    """Events sent all the while around a change: what was sent well before it, and as long after it as is promised."""

    def __init__(self, instance, write_key, prefix, consent=None):
        self._instance, self._key, self._prefix = instance, write_key, prefix
        self._more = {"context": {"consent": consent}} if consent else {}
        self.before, self.after, self.all = set(), set(), set()

    def around(self, change):
        with sender(self._instance.url, self._key) as send:
            self._stream(send, self.before, "before", 0.5)
            change()
            self._stream(send, set(), "between", PROMISE_SECONDS)
            self._stream(send, self.after, "after", 0.5)
        return self

    def _stream(self, send, sent, name, seconds):
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            message_id = f"{self._key[:8]}-{self._prefix}-{name}-{elapsed:.4f}"
            send.send(track(message_id, "Ping") | self._more)
            sent.add(message_id)
            self.all.add(message_id)
            time.sleep(0.05)  # the pace of a sender


@pytest.fixture
def connected(api, receiver, request):
    """A source with one webhook that gets everything."""
    slug = request.node.name.replace("_", "-")[5:60]
    source = create_source(api, slug)
    destination = connect_webhook(api, source["id"], f"{receiver.url}/{slug}")
    return source, destination, lambda: set(arrived(receiver, f"/{slug}"))


class TestChanges:
    def test_a_filter_acts_and_ends_within_the_promise(self, instance, api, connected):
        source, destination, got = connected
        made = {}

        def create():
            made.update(add_filter(api, destination, "event = 'Ping'", {"type": "DROP"}))

        def switch_off():
            data_of(api.patch(f"/destination/{destination['id']}/filters/{made['id']}", json={"enabled": False}))

        with_it = Switched(instance, source["writeKeys"][0], "on").around(create)
        without = Switched(instance, source["writeKeys"][0], "off").around(switch_off)
        wait_for_finals(instance, destination["id"], len(with_it.all | without.all))
        assert with_it.before <= got()
        assert not (with_it.after | without.before) & got()
        assert without.after <= got()

    def test_a_source_that_is_switched_off_takes_nothing_in(self, instance, api, connected):
        source, destination, got = connected
        key, path = source["writeKeys"][0], f"/sources/{source['id']}"
        off = Switched(instance, key, "off").around(lambda: data_of(api.patch(path, json={"enabled": False})))
        on = Switched(instance, key, "on").around(lambda: data_of(api.patch(path, json={"enabled": True})))
        wait_until(lambda: on.after <= got(), 60, "events of the source that is on again")
        assert off.before <= got()
        assert not (off.after | on.before) & got()
        refused = lambda: outcomes(instance, source_id=source["id"]).get(("FAILED_ON_INGEST", "source_disabled"), 0)  # noqa: E731
        ended = lambda: refused() + sum(finals(instance, destination["id"]).values())  # noqa: E731
        wait_until(lambda: ended() == len(off.all | on.all), 60, "one outcome of each event")
        assert refused() >= len(off.after | on.before)

    def test_a_destination_that_is_switched_off_gets_nothing(self, instance, api, connected):
        source, destination, got = connected
        key, path = source["writeKeys"][0], f"/destinations/{destination['id']}"
        off = Switched(instance, key, "off").around(lambda: data_of(api.patch(path, json={"enabled": False})))
        on = Switched(instance, key, "on").around(lambda: data_of(api.patch(path, json={"enabled": True})))
        wait_until(lambda: on.after <= got(), 60, "events of the destination that is on again")
        assert off.before <= got()
        assert not (off.after | on.before) & got()

    def test_consent_is_asked_within_the_promise(self, instance, api, connected):
        source, destination, got = connected
        path = f"/penstock/destinations/{destination['id']}/consent"
        asked = Switched(instance, source["writeKeys"][0], "asked", {"categoryPreferences": {"Ads": False}})
        asked.around(lambda: data_of(api.patch(path, json={"categories": ["Ads"]})))
        given = Switched(instance, source["writeKeys"][0], "given", {"categoryPreferences": {"Ads": True}})
        given.around(lambda: None)
        counts = wait_for_finals(instance, destination["id"], len(asked.all | given.all))
        assert asked.before | given.all <= got()
        assert not asked.after & got()
        assert counts["FILTERED_AT_DESTINATION", "FILTERED_BY_END_USER_CONSENT"] >= len(asked.after)

    def test_an_event_is_switched_off_for_a_destination_within_the_promise(self, instance, api, connected):
        source, destination, got = connected
        path = f"/penstock/destinations/{destination['id']}/integration-filters"
        off = Switched(instance, source["writeKeys"][0], "off")
        off.around(lambda: data_of(api.patch(path, json={"blockedEvents": [{"type": "track", "name": "Ping"}]})))
        counts = wait_for_finals(instance, destination["id"], len(off.all))
        assert off.before <= got()
        assert not off.after & got()
        assert counts["FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT"] >= len(off.after)


class Loaded:
    """Events of a source sent around a change, each part loaded when it was sent; `rows` are what the warehouse has."""

    def __init__(self, instance, source):
        self._instance, self._key = instance, source["writeKeys"][0]
        self._schema = source["slug"].replace("-", "_")

    def around(self, prefix, change):
        switched = Switched(self._instance, self._key, prefix)
        self._instance.sync()
        switched.around(lambda: (self._instance.sync(), change()))
        self._instance.sync()
        return switched

    def rows(self, column="id", table="tracks"):
        return {row[column] for row in self._instance.sql(f"select {column} from {self._schema}.{table}")}


class TestWarehouses:
    """What a warehouse takes is decided when it loads; a change acts on what is sent as long after its answer as all."""

    def test_a_source_that_is_disconnected_loads_nothing_and_what_it_missed_follows(self, instance, api):
        source = create_source(api, "disconnected")
        path = f"/warehouses/{first_warehouse(api)['id']}/connected-sources/{source['id']}"
        loaded = Loaded(instance, source)
        off = loaded.around("off", lambda: data_of(api.delete(path)))
        assert off.before <= loaded.rows()
        assert not off.after & loaded.rows()
        on = loaded.around("on", lambda: data_of(api.post(path)))
        assert off.all | on.all == loaded.rows()

    def test_a_collection_and_a_property_that_are_off_are_not_loaded(self, instance, api):
        source = create_source(api, "selective")
        path = f"/warehouses/{first_warehouse(api)['id']}/selective-sync"
        loaded = Loaded(instance, source)

        def turn(**override):
            override |= {"sourceId": source["id"]}
            assert data_of(api.patch(path, json={"syncOverrides": [override]}))["status"] == "UPDATED"

        off = loaded.around("off", lambda: turn(collection="ping", enabled=False))
        assert off.before | off.after <= loaded.rows()
        assert off.before <= loaded.rows(table="ping")
        assert not off.after & loaded.rows(table="ping")
        on = loaded.around("on", lambda: turn(collection="ping", enabled=True))
        assert not on.before & loaded.rows(table="ping")
        assert on.after <= loaded.rows(table="ping")

    def test_two_embedded_warehouses_load_each_a_file_of_its_own(self, instance, api):
        first = first_warehouse(api)
        asked = {"metadataId": first["metadata"]["id"], "settings": {"file": "penstock-second.duckdb"}}
        refused = api.post("/warehouses", json=asked | {"settings": {}})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "settings.file")
        second = data_of(api.post("/warehouses", json=asked))["warehouse"]
        source = create_source(api, "twice")
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.send(track("twice-1"))
        instance.sync()
        assert instance.sql("select id from twice.tracks") == [{"id": "twice-1"}]
        data_of(api.patch(f"/warehouses/{second['id']}", json={"settings": {}, "enabled": False}))
        instance.sync()  # lets the file go
        file = instance.data / "warehouse" / "penstock-second.duckdb"
        assert query_file(file, "select id from twice.tracks", QueryLimits(10, 10.0, 256)).rows == [["twice-1"]]


def first_warehouse(api):
    return data_of(api.get("/warehouses"))["warehouses"][0]


INTEGRATIONS = {
    "none": (None, True),
    "all": ({"All": True}, True),
    "none-of-all": ({"All": False}, False),
    "only-this": ({"All": False, "Webhooks (Actions)": True}, True),
    "options": ({"All": False, "Webhooks (Actions)": {"key": "value"}}, True),
    "not-this": ({"Webhooks (Actions)": False}, False),
    "not-another": ({"Amplitude": False}, True),
    "small-letters": ({"webhooks (actions)": False}, True),
}


def test_an_event_names_where_it_goes_and_warehouses_take_it_all_the_same(instance, api, connected):
    source, destination, got = connected
    with sender(instance.url, source["writeKeys"][0]) as send:
        for name, (integrations, _) in INTEGRATIONS.items():
            given = {} if integrations is None else {"integrations": integrations}
            send.send(track(f"i-{name}") | given)
    counts = wait_for_finals(instance, destination["id"], len(INTEGRATIONS))
    wanted = {f"i-{name}" for name, (_, is_delivered) in INTEGRATIONS.items() if is_delivered}
    assert got() == wanted
    assert counts["FILTERED_AT_DESTINATION", "FILTERED_BY_INTEGRATIONS_OBJECT"] == len(INTEGRATIONS) - len(wanted)
    instance.sync()
    schema = source["slug"].replace("-", "_")
    assert {row["id"] for row in instance.sql(f"select id from {schema}.tracks")} == {
        f"i-{name}" for name in INTEGRATIONS
    }
