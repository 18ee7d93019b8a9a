"""What is known of events that came, and made of it: violations, the inventory, what-if, a typed client."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from penstock.testing.instance import wait_until
from penstock.testing.observing import finals, wait_for_finals
from penstock.testing.plans import PROMISE_SECONDS, RULE, arrived, held, make_plan, run
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of


def test_what_if_tells_what_a_change_would_do_and_does_nothing(instance, api, receiver):
    source = create_source(api, "wondering")
    destination = connect_webhook(api, source["id"], receiver.url + "/wondering")
    began = datetime.now(UTC)
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track(f"w-{n}", "Order Completed" if n % 2 else "Other", order_id="o", extra=n) for n in range(10)])
    wait_for_finals(instance, destination["id"], 10)
    asked = {
        "sourceId": source["id"],
        "since": (began - timedelta(minutes=1)).isoformat(),
        "until": (began + timedelta(minutes=5)).isoformat(),
        "rules": [RULE],
        "settings": {"track": {"allowUnplannedEvents": False, "allowUnplannedEventProperties": False}},
    }
    told = data_of(api.post("/penstock/what-if", json=asked))
    assert (told["events"], told["before"], told["after"]) == (10, {"": 10}, {"": 5, "unplanned": 5})
    assert told["changed"] == 5
    assert {sample["afterEnding"] for sample in told["samples"]} == {"", "unplanned"}
    assert "next" not in told
    by_command, _ = run(instance, "what-if", "--source-id", source["id"], given=asked | {"sourceId": "x"})
    assert by_command == told
    assert "there is no source x" in run(instance, "what-if", given=asked | {"sourceId": "x"}, status=1)[1]
    assert held(api, source) == []
    assert finals(instance, destination["id"]) == {("SUCCESSFUL_DELIVERY", "successes.attempt.1"): 10}


def violations(api, source):
    """Counts by field and kind."""
    found = data_of(api.get("/penstock/violations", params={"sourceId": source["id"]}))["violations"]
    return {(one["field"], one["kind"]): one["count"] for one in found}


def test_violations_are_counted_exactly_and_told_with_the_ids_of_the_last(instance, api, receiver):
    source = create_source(api, "violating")
    make_plan(api, source, RULE)
    destination = connect_webhook(api, source["id"], receiver.url + "/violating")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track(f"v{number}", "Order Completed", total=number) for number in range(30)])
        send.batch([track(f"w{number}", "Order Completed", order_id="o", total="much") for number in range(20)])
    wait_for_finals(instance, destination["id"], 50)
    wanted = {("properties.order_id", "Required"): 30, ("properties.total", "Invalid Type"): 20}
    wait_until(lambda: violations(api, source) == wanted, 60, "50 violations")
    asked = {"sourceId": source["id"], "kind": "Invalid Type"}
    (one,) = data_of(api.get("/penstock/violations", params=asked))["violations"]
    assert one["rule"] == {"type": "TRACK", "key": "Order Completed", "version": 1}
    assert one["samples"][-1]["messageId"] == "w19"
    assert one["samples"][-1]["description"] == "Invalid type. Expected: number, given: string"
    ids = {"sourceId": source["id"], "messageIds": [sample["messageId"] for sample in one["samples"]]}
    events = data_of(api.get("/penstock/violations/events", params=ids))["events"]
    assert [event["properties"]["total"] for event in events] == ["much"] * len(one["samples"]) == ["much"] * 3


def test_what_a_source_has_seen_becomes_a_plan_that_its_events_keep(instance, api, receiver):
    source = create_source(api, "seen")
    destination = connect_webhook(api, source["id"], receiver.url + "/seen")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track(f"s{number}", "Signup", plan="pro", seats=number) for number in range(12)])
        send.send(track("odd", "Signup", plan="free", note="x"))
        prices = [10, 20, 9.99, 5, "12"]
        send.batch(
            [track(f"b{one}", "Buy", price=price, note=None if one == 3 else "n") for one, price in enumerate(prices)]
        )
    wait_for_finals(instance, destination["id"], 18)
    path = f"/penstock/sources/{source['id']}/schema"

    def counted():
        return {event["name"]: event["count"] for event in data_of(api.get(path))["events"]}

    wait_until(lambda: counted() == {"Signup": 13, "Buy": 5}, 60, "18 events in the inventory")
    event = data_of(api.get(f"{path}/event", params={"type": "track", "name": "Signup"}))["event"]
    assert {each["path"]: each["count"] for each in event["properties"]} == {"plan": 13, "seats": 12, "note": 1}
    samples = data_of(api.get(f"{path}/samples", params={"type": "track", "name": "Signup"}))["samples"]
    values = {each["path"]: each["values"] for each in samples}
    assert (sorted(values["plan"]), values["note"], len(values["seats"])) == (["free", "pro"], ["x"], 5)
    rules = data_of(api.get(f"{path}/plan"))["rules"]
    now = datetime.now(UTC)
    asked = {
        "sourceId": source["id"],
        "since": (now - timedelta(minutes=5)).isoformat(),
        "until": (now + timedelta(minutes=5)).isoformat(),
        "rules": rules,
        "settings": {"track": {"allowEventOnViolations": False}},
    }
    assert data_of(api.post("/penstock/what-if", json=asked))["after"] == {"": 18}
    make_plan(api, source, *rules, track={"allowUnplannedEventProperties": False})
    time.sleep(PROMISE_SECONDS)  # the promise of a changed plan
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("seen-planned", "Signup", plan="pro", seats=3, note="y"))
        send.send(track("seen-unplanned", "Signup", seats=3, extra=1))
    wait_for_finals(instance, destination["id"], 20)
    bodies = {body["messageId"]: body for body in arrived(receiver, "/seen")}
    assert "protocols" not in bodies["seen-planned"]["context"]
    found = bodies["seen-unplanned"]["context"]["protocols"]
    assert (found["omitted"], [each["field"] for each in found["violations"]]) == (["extra"], ["properties.plan"])


def test_schema_filters_block_and_trim_a_source_without_a_plan(instance, api, receiver):
    source = create_source(api, "filtered")
    destination = connect_webhook(api, source["id"], receiver.url + "/filtered")
    filters = {
        "blockedEvents": [{"type": "track", "name": "Noise"}],
        "omittedProperties": [{"type": "track", "name": "Signup", "property": "email"}],
    }
    data_of(api.patch(f"/penstock/sources/{source['id']}/schema-filters", json=filters))
    time.sleep(PROMISE_SECONDS)  # the promise of a changed setting
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track("noise", "Noise"), track("signup", "Signup", email="a@x.test", plan="pro")])
    wait_for_finals(instance, destination["id"], 1)
    (body,) = arrived(receiver, "/filtered")
    assert (body["messageId"], body["properties"]) == ("signup", {"plan": "pro"})
    wait_until(lambda: [one["reason"] for one in held(api, source)] == ["event_setting"], 60, "one event held")
    data_of(api.patch(f"/penstock/sources/{source['id']}/schema-filters", json={"blockedEvents": []}))
    time.sleep(PROMISE_SECONDS)
    data_of(api.post("/penstock/quarantine/replay", json={"sourceId": source["id"]}))
    wait_for_finals(instance, destination["id"], 2)
    assert {body["messageId"] for body in arrived(receiver, "/filtered")} == {"signup", "noise"}


def test_a_generated_client_sends_by_the_real_sdk_what_its_plan_takes(instance, api, receiver, tmp_path):
    source = create_source(api, "typed")
    path = make_plan(api, source, RULE, RULE | {"version": 2}, track={"allowEventOnViolations": False})
    destination = connect_webhook(api, source["id"], receiver.url + "/typed")
    plan_id = path.rpartition("/")[2]
    module = ("--language", "python", "--plan", plan_id, "--out", str(tmp_path / "tracking.py"))
    run(instance, "plan", "codegen", *module)
    script = f"""
import segment.analytics as analytics
from tracking import Tracking

client = analytics.Client({source["writeKeys"][0]!r}, host={instance.url!r}, on_error=print)
tracking = Tracking(client)
tracking.order_completed({{"order_id": "o1", "total": 2.5}}, user_id="u")
tracking.order_completed_v2({{"order_id": "o2"}}, anonymous_id="a")
client.shutdown()
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)
    wait_for_finals(instance, destination["id"], 2)
    bodies = {body["properties"]["order_id"]: body for body in arrived(receiver, "/typed")}
    assert bodies["o1"]["properties"] == {"order_id": "o1", "total": 2.5}
    assert bodies["o2"]["context"]["protocols"]["event_version"] == 2
