"""What was blocked or failed leaves quarantine: judged again by a mended plan, delivered again, or dropped."""

import itertools
import time

import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import wait_for_finals
from penstock.testing.plans import FAST, PROMISE_SECONDS, RULE, arrived, held, make_plan, run
from penstock.testing.receiver import Reply
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

_numbers = itertools.count()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """Which tries again soon what has failed."""
    with Instance(tmp_path_factory.mktemp("quarantine") / "data", FAST) as running:
        yield running


class TestQuarantine:
    @pytest.fixture
    def mended(self, instance, api, receiver):
        """A source of which two events were blocked before its plan knew them, and the id of its destination."""
        source = create_source(api, f"mended-{next(_numbers)}")
        path = make_plan(api, source, RULE, track={"allowUnplannedEvents": False})
        destination = connect_webhook(api, source["id"], f"{receiver.url}/{source['slug']}")
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.send(track(f"{source['slug']}-1", "Late Event", n=1) | {"timestamp": "2024-05-01T10:00:00Z"})
            send.send(track(f"{source['slug']}-2", "Never Planned"))
        wait_until(lambda: len(held(api, source)) == 2, 60, "two events in quarantine")
        data_of(api.put(f"{path}/rules", json={"rules": [RULE | {"key": "Late Event", "jsonSchema": {}}]}))
        time.sleep(PROMISE_SECONDS)  # the promise of a changed plan
        return source, destination["id"]

    def test_once_the_plan_is_mended_they_arrive_once_with_their_own_time(self, instance, api, receiver, mended):
        source, destination = mended
        ended = data_of(api.post("/penstock/quarantine/replay", json={"sourceId": source["id"]}))
        assert ended == {"count": 2, "kept": 0, "hasMore": False}
        wait_for_finals(instance, destination, 1)
        (body,) = arrived(receiver, f"/{source['slug']}")
        assert (body["event"], body["originalTimestamp"]) == ("Late Event", "2024-05-01T10:00:00.000Z")
        wait_until(lambda: [one["eventName"] for one in held(api, source)] == ["Never Planned"], 60, "one held again")
        instance.sync()
        (row,) = instance.sql(f"select id, n, original_timestamp from {source['slug'].replace('-', '_')}.late_event")
        assert (row["id"], row["n"]) == (f"{source['slug']}-1", 1)
        assert row["original_timestamp"].startswith("2024-05-01")

    def test_commands_list_show_drop_and_replay_what_their_filters_name(self, instance, api, receiver, mended):
        source, destination = mended
        own = ("--source-id", source["id"])

        def listed(*filters):
            return [one["eventName"] for one in run(instance, "quarantine", "list", *own, *filters)[0]]

        both = ["Late Event", "Never Planned"]
        first, second = run(instance, "quarantine", "list", *own)[0]
        between = max(first["heldAt"], second["heldAt"])
        assert listed("--event", "Late Event") == ["Late Event"]
        assert (listed("--reason", "unplanned"), listed("--reason", "schema_violation")) == (both, [])
        assert listed("--destination-id", destination) == []
        assert (listed("--since", "2020-01-01"), listed("--until", "2020-01-01")) == (both, [])
        assert "Never Planned" in listed("--since", between)
        page, told = run(instance, "quarantine", "list", *own, "--count", "1")
        after = told.split("--after ")[1].split()[0]
        assert [one["eventName"] for one in page] + listed("--after", after) == both
        shown, _ = run(instance, "quarantine", "show", first["id"])
        assert (shown["held"]["reason"], shown["event"]["properties"]) == ("unplanned", {"n": 1})
        assert "(--all)" in run(instance, "quarantine", "drop", status=1)[1]
        assert run(instance, "quarantine", "drop", *own, "--event", "Never Planned")[0]["count"] == 1
        assert run(instance, "quarantine", "replay", *own)[0] == {"count": 1, "kept": 0, "hasMore": False}
        wait_for_finals(instance, destination, 1)
        assert [body["event"] for body in arrived(receiver, f"/{source['slug']}")] == ["Late Event"]
        assert listed() == []


def test_what_failed_at_its_destination_is_delivered_again(instance, api, receiver):
    source = create_source(api, "failing")
    destination = connect_webhook(api, source["id"], receiver.url + "/failing")
    receiver.answer = lambda request: Reply(400 if request.path == "/failing" else 200)
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("failing-1"))
    wait_until(lambda: len(held(api, source)) == 1, 60, "one event in quarantine")
    receiver.answer = lambda _: Reply()
    held_there, _ = run(instance, "quarantine", "list", "--destination-id", destination["id"])
    assert [one["messageId"] for one in held_there] == ["failing-1"]
    assert run(instance, "quarantine", "replay", "--destination-id", destination["id"])[0]["count"] == 1
    found = wait_for_finals(instance, destination["id"], 2)
    assert found["SUCCESSFUL_DELIVERY", "successes.attempt.1"] == 1
    assert held(api, source) == []
