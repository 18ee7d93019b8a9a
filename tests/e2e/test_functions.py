"""Functions from the API to the outside, on a whole installation: parsed, deployed, delivering, inserted, contained."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.testing.instance import command_line, wait_until
from penstock.testing.observing import finals, is_healthy, roles, wait_for_finals
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

SEND = """
async function onTrack(event, settings) {
  if (event.event === 'Hang') for (;;);
  if (event.event === 'Exit') Buffer.constructor('Deno.exit()')();
  if (event.event === 'Private') await fetch('http://169.254.169.254/latest/meta-data');
  console.log(`sends ${event.messageId}`);
  const body = JSON.stringify({ messageId: event.messageId, by: settings.by });
  await fetch(settings.url, { method: 'POST', headers: { 'X-Key': settings.key }, body });
}
"""
CHANGE = """
const onTrack = (event, settings) =>
  event.event === 'Drop' ? undefined : { ...event, properties: { ...event.properties, by: settings.by } };
"""
SETTINGS = [
    {"name": name, "label": name, "description": "", "type": "STRING", "required": True, "sensitive": name == "key"}
    for name in ("url", "key", "by")
]


def make(api, kind, code, settings=()):
    asked = {"code": code, "displayName": kind.title(), "resourceType": kind, "settings": list(settings)}
    return data_of(api.post("/functions", json=asked))["function"]


def catalog_id(api, function):
    official = {"Accept": "application/vnd.segment.v1+json"}
    return data_of(api.get(f"/functions/{function['id']}", headers=official))["function"]["catalogId"]


@pytest.fixture
def source(api):
    return create_source(api, f"functions-{time.time_ns()}")


def destination_of(api, source, function, receiver, path):
    settings = {"url": receiver.url + path, "key": "s3cret", "by": "me"}
    asked = {"sourceId": source["id"], "metadataId": catalog_id(api, function), "settings": settings, "enabled": True}
    return data_of(api.post("/destinations", json=asked))["destination"]


def printed(api, function):
    """What the function has printed: by level."""
    lines = data_of(api.get(f"/penstock/functions/{function['id']}/logs"))["logs"]
    return {(line["level"], line["text"]) for line in lines}


def arrived(receiver, path):
    return [request for request in receiver.requests if request.path == path]


def test_code_that_is_none_is_refused_with_its_place(api):
    body = {"code": "async function onTrack(event) {\n  await fetch(;\n}", "resourceType": "DESTINATION"}
    answer = api.post("/functions", json=body)
    assert answer.status_code == 400
    (problem,) = answer.json()["errors"]
    assert (problem["field"], problem["data"]) == ("code", {"line": 2, "column": 15})


def test_an_event_is_delivered_by_the_code_of_a_user(instance, api, source, receiver):
    destination = destination_of(api, source, make(api, "DESTINATION", SEND, SETTINGS), receiver, "/plain")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch(track(f"m{number}") for number in range(50))
    wait_for_finals(instance, destination["id"], 50, 90)
    requests = arrived(receiver, "/plain")
    assert {request.json()["messageId"] for request in requests} == {f"m{number}" for number in range(50)}
    assert {(request.json()["by"], request.headers["x-key"]) for request in requests} == {("me", "s3cret")}


def test_what_a_function_prints_and_throws_is_shown_and_survives_the_engine(instance, api, source, receiver):
    function = make(api, "DESTINATION", SEND, SETTINGS)
    destination = destination_of(api, source, function, receiver, "/printed")
    command = [sys.executable, "-m", "penstock.cli", "tail", "--logs", "--json", "--data", instance.data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
        deadline = threading.Timer(90, tail.kill)
        deadline.start()
        wait_until(lambda: "watching 2" in tail.stderr.readline(), 60, "an open tail")
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.batch([track("p1"), track("p2", "Private")])
        lines = (json.loads(line) for line in tail.stdout)
        assert next(line["functionId"] for line in lines if line.get("text") == "sends p1") == function["id"]
        deadline.cancel()
        tail.terminate()
    wait_for_finals(instance, destination["id"], 2, 90)
    wait_until(lambda: {level for level, _ in printed(api, function)} == {"log", "request", "throw"}, 60, "its lines")
    os.kill(instance.pid_of("engine"), signal.SIGKILL)
    wait_until(lambda: is_healthy(instance), 60, "all roles")
    assert ("log", "sends p1") in printed(api, function)
    command = [sys.executable, "-m", "penstock.cli", "functions", "logs", function["id"], "--data", instance.data]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "sends p1" in shown
    asked = "http://169.254.169.254/latest/meta-data"
    (request,) = [
        line["request"]
        for line in data_of(api.get(f"/penstock/functions/{function['id']}/logs"))["logs"]
        if line["level"] == "request"
    ]
    assert (request["url"], request["status"], "outbound policy" in request["error"]) == (asked, 0, True)
    assert f"GET {asked}" in shown


def test_another_version_acts_once_it_is_deployed(instance, api, source, receiver):
    function = make(api, "DESTINATION", SEND, SETTINGS)
    path = f"/functions/{function['id']}"
    data_of(api.post(f"{path}/deploy"))
    destination = destination_of(api, source, function, receiver, "/versions")
    data_of(api.patch(path, json={"code": SEND.replace("settings.by }", "'the second' }")}))
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("v1"))
        wait_for_finals(instance, destination["id"], 1)
        data_of(api.post(f"{path}/deploy"))
        time.sleep(2)  # the promise: a change acts on what is sent two seconds after its answer
        send.send(track("v2"))
        wait_for_finals(instance, destination["id"], 2)
    told = {request.json()["messageId"]: request.json()["by"] for request in arrived(receiver, "/versions")}
    assert told == {"v1": "me", "v2": "the second"}


def test_hostile_events_cost_themselves_alone(instance, api, source, receiver):
    """FC-56: the neighbours of an event that hangs or exits are delivered, and so is what a webhook beside it gets."""
    destination = destination_of(api, source, make(api, "DESTINATION", SEND, SETTINGS), receiver, "/hostile")
    webhook = connect_webhook(api, source["id"], f"{receiver.url}/beside")
    events = [track(f"h{number}") for number in range(20)]
    events[3:3] = [track("exit", "Exit"), track("private", "Private"), track("hang", "Hang")]
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch(events)
    wait_for_finals(instance, webhook["id"], 23, 90)
    # What was in flight beside an end runs again, so some may arrive twice.
    harmless = {f"h{number}" for number in range(20)}
    wait_until(lambda: {one.json()["messageId"] for one in arrived(receiver, "/hostile")} == harmless, 60, "the others")
    failed = ("FAILED_DELIVERY", "BAD_REQUEST")
    wait_until(lambda: finals(instance, destination["id"]).get(failed) == 2, 60, "what exits, and what is refused")
    assert is_healthy(instance)


def functions_of(instance):
    return roles(instance)["engine"]["details"]["functions"]


def test_a_function_that_ends_every_process_is_held_back_and_costs_its_neighbours_nothing(
    instance, api, source, receiver
):
    """sandbox.md §10. That another version ends it: `test_functions.py` of delivery."""
    code = SEND.replace("(event.event === 'Exit')", "(settings.by)")
    function = make(api, "DESTINATION", code, SETTINGS)
    crashing = destination_of(api, source, function, receiver, "/held")
    beside = destination_of(api, source, make(api, "DESTINATION", SEND, SETTINGS), receiver, "/neighbour")
    webhook = connect_webhook(api, source["id"], f"{receiver.url}/neighbour-webhook")
    before = functions_of(instance)["started"]
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch(track(f"c{number}") for number in range(200))
    for neighbour in (beside, webhook):
        ended = wait_for_finals(instance, neighbour["id"], 200, 60)
        assert ended == {("SUCCESSFUL_DELIVERY", "successes.attempt.1"): 200}

    def held():
        return [one for one in functions_of(instance)["held"] if one["functionId"] == function["id"]]

    (found,) = wait_until(held, 90, "that it is held back")
    # Five, what was in flight beside the fifth, the neighbour's own, and what the tests before still try again.
    assert functions_of(instance)["started"] - before <= 12
    assert finals(instance, crashing["id"]).get(("FAILED_DELIVERY", "BAD_REQUEST"), 0) <= 7
    assert is_healthy(instance)
    assert f"function {function['id']} at {crashing['id']} is held back" in roles(instance)["engine"]["reasons"]
    wait_until(lambda: ("throw", found["message"]) in printed(api, function), 60, "its log")
    data_of(api.delete(f"/destinations/{crashing['id']}"))


def test_an_inserted_function_changes_and_drops_what_a_webhook_gets(instance, api, source, receiver):
    function = make(api, "INSERT_DESTINATION", CHANGE, SETTINGS[2:])
    warning = api.post(f"/functions/{function['id']}/deploy").headers["Warning"]
    assert "events of 5 types will be dropped" in warning, "FC-77"
    webhook = connect_webhook(api, source["id"], f"{receiver.url}/inserted")
    asked = {"functionId": function["id"], "integrationId": webhook["id"], "name": "n", "settings": {"by": "me"}}
    data_of(api.post("/insert-function-instances", json=asked | {"enabled": True}))
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track("i1", total=1), track("i2", "Drop"), track("i3", total=3)])
    totals = wait_for_finals(instance, webhook["id"], 3, 90)
    assert totals["FILTERED_AT_DESTINATION", "FILTERED_AT_INSERT_FUNCTION"] == 1
    told = {request.json()["messageId"]: request.json()["properties"] for request in arrived(receiver, "/inserted")}
    assert told == {"i1": {"total": 1, "by": "me"}, "i3": {"total": 3, "by": "me"}}


def test_a_killed_engine_leaves_no_function_behind_and_loses_no_event(instance, api, source, receiver):
    destination = destination_of(api, source, make(api, "DESTINATION", SEND, SETTINGS), receiver, "/killed")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("k0"))
        wait_for_finals(instance, destination["id"], 1, 90)
        sandboxes = [pid for pid in instance.pids() if "sandbox.js" in command_line(pid)]
        assert sandboxes
        send.batch(track(f"k{number}") for number in range(1, 30))
        os.kill(instance.pid_of("engine"), signal.SIGKILL)
        wait_until(lambda: not any("sandbox.js" in command_line(pid) for pid in sandboxes), 60, "their end")
    wanted = {f"k{number}" for number in range(30)}
    wait_until(lambda: {one.json()["messageId"] for one in arrived(receiver, "/killed")} == wanted, 90, "every event")
    wait_until(lambda: is_healthy(instance), 60, "all roles")


def test_a_function_is_tried_before_it_is_used(api, receiver):
    function = make(api, "DESTINATION", SEND, SETTINGS)
    event = {"type": "track", "event": "Trial", "messageId": "t"}
    settings = {"url": f"{receiver.url}/tried", "key": "k", "by": "you"}
    body = {"event": event, "settings": settings}
    preview = data_of(api.post(f"/penstock/functions/{function['id']}/preview", json=body))["preview"]
    assert preview["outcome"] == "done"
    assert [(one["method"], one["status"]) for one in preview["requests"]] == [("POST", 200)]
    assert [one.json()["by"] for one in arrived(receiver, "/tried")] == ["you"]


def test_a_function_that_is_made_while_the_engine_dies_is_refused_soon(instance, api):
    wait_until(lambda: is_healthy(instance), 60, "all roles")
    body = {"code": CHANGE, "displayName": "Late", "resourceType": "INSERT_DESTINATION"}
    engine = instance.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)  # it takes the question, and never looks at it
    with ThreadPoolExecutor(1) as worker:
        started = time.monotonic()
        asking = worker.submit(lambda: api.post("/functions", json=body))
        time.sleep(0.5)  # the question is on its way
        os.kill(engine, signal.SIGKILL)
        answer = asking.result()
    assert (answer.status_code, answer.json()["errors"][0]["data"]) == (503, {"role": "engine"})
    assert time.monotonic() - started < 8, "the deadline of the question is 15 s"
    wait_until(lambda: api.post("/functions", json=body).is_success, 60, "an engine that parses")
