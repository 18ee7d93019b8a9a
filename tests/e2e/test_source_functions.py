"""Functions of sources on a whole installation: a request becomes events, an event is changed before its plan."""

import base64
import itertools
import json
import os
import signal
import time

import httpx
import pytest

from penstock.testing.instance import wait_until
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

MAKE = """
async function onRequest(request, settings) {
  const body = request.json();
  if (body.hang) for (;;);
  if (body.broken) throw new Error('as asked');
  if (body.exit) Buffer.constructor('Deno.exit()')();
  Segment.identify({ userId: body.user, traits: { plan: settings.plan } });
  for (const item of body.items) {
    Segment.track({ userId: body.user, event: item, properties: { via: request.headers.get('X-Via'),
      token: request.url.searchParams.get('token') } });
  }
}
"""
CHANGE = """
async function onTrack(event, settings) {
  if (event.event === 'Drop') return;
  if (event.event === 'Hide') event.userId = 'hidden';
  event.properties.plan = settings.plan;
  return event;
}
"""
SETTINGS = [
    {"name": "plan", "label": "Plan", "description": "", "type": "STRING", "required": True, "sensitive": True},
]


def make(api, kind, code):
    asked = {"code": code, "displayName": kind.title(), "resourceType": kind, "settings": SETTINGS}
    official = {"Accept": "application/vnd.segment.v1+json"}
    return data_of(api.post("/functions", json=asked, headers=official))["function"]


def attach(api, source, code):
    function = make(api, "INSERT_SOURCE", code)
    asked = {"functionId": function["id"], "integrationId": source["id"], "name": "n", "settings": {"plan": "gold"}}
    data_of(api.post("/insert-function-instances", json=asked | {"enabled": True}))
    time.sleep(2)  # the promise: a change acts on what is sent two seconds after its answer


def made(api, receiver, path):
    """A source whose function makes events of requests; they arrive at `path`."""
    function = make(api, "SOURCE", MAKE)
    asked = {"slug": f"made-{time.time_ns()}", "metadataId": function["catalogId"], "enabled": True}
    refused = api.post("/sources", json=asked | {"settings": {"plan": "gold"}})
    assert "sensitive" in refused.text
    source = data_of(api.post("/sources", json=asked))["source"]
    assert source["metadata"]["id"] == function["catalogId"]
    connect_webhook(api, source["id"], f"{receiver.url}{path}")
    alpha = {"Accept": "application/vnd.segment.v1alpha+json"}
    listed = api.get("/insert-function-instances", params={"functionId": function["id"]}, headers=alpha)
    (instance,) = data_of(listed)["instances"]
    assert not instance["enabled"], "a required setting is lacking"
    path = f"/insert-function-instances/{instance['id']}"
    data_of(api.patch(path, json={"settings": {"plan": "gold"}, "enabled": True}, headers=alpha))
    time.sleep(2)  # the promise: a change acts on what is sent two seconds after its answer
    return source


@pytest.fixture(scope="module")
def source(api, receiver):
    return made(api, receiver, "/made")


def call(instance, source, body, headers=None, query=""):
    token = base64.urlsafe_b64encode(source["writeKeys"][0].encode()).decode().rstrip("=")
    asked = {"content-type": "application/json", "x-via": "hook"} | (headers or {})
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{instance.url}/fn?b={token}{query}", content=content, headers=asked)


def arrived(receiver, path):
    return [request.json() for request in receiver.requests if request.path == path]


def test_a_request_becomes_events_of_the_source(instance, source, receiver):
    answer = call(instance, source, {"user": "u1", "items": ["A", "B"]}, query="&token=t")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    wait_until(lambda: len([e for e in arrived(receiver, "/made") if e["userId"] == "u1"]) == 3, 60, "three events")
    told = [event for event in arrived(receiver, "/made") if event["userId"] == "u1"]
    (who,) = [event for event in told if event["type"] == "identify"]
    assert who["traits"] == {"plan": "gold"}
    assert {e["event"] for e in told if e["type"] == "track"} == {"A", "B"}
    assert all(e["properties"] == {"via": "hook", "token": "t"} for e in told if e["type"] == "track")
    assert len({event["messageId"] for event in told}) == 3
    assert all(event["projectId"] == source["id"] for event in told)


def test_a_form_is_taken_and_what_is_no_request_is_refused(instance, source):
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert call(instance, source, b"user=f1&items=x", form).status_code == 200
    assert call(instance, source, b"{not json").json()["code"] == "BAD_REQUEST"
    assert call(instance, source, b"x", {"content-type": "text/plain"}).status_code == 400
    assert call(instance, source, b'"' + b"x" * (512 << 10) + b'"').status_code == 413
    assert httpx.get(f"{instance.url}/fn?b=abc").status_code == 405
    for query in ("", "?b=", "?b=%%%", "?b=YQ"):
        assert httpx.post(f"{instance.url}/fn{query}", json={}).status_code == 404


def test_a_request_to_the_preview_webhook_is_told_and_sent_nowhere(instance, api, receiver):
    function = make(api, "SOURCE", MAKE)
    data_of(api.post(f"/functions/{function['id']}/deploy"))
    saved = MAKE.replace("event: item", "event: 'Saved ' + item")
    data_of(api.patch(f"/functions/{function['id']}", json={"code": saved}))
    asked = {"slug": f"tried-{time.time_ns()}", "metadataId": function["catalogId"], "enabled": True}
    connect_webhook(api, data_of(api.post("/sources", json=asked))["source"]["id"], f"{receiver.url}/never")
    assert function["previewWebhookUrl"].startswith(instance.url)
    headers = {"X-Via": "hook", "Penstock-Settings": '{"plan": "silver"}'}
    answer = api.post(f"{function['previewWebhookUrl']}?token=t", json={"user": "u", "items": ["A"]}, headers=headers)
    preview = data_of(answer)["preview"]
    who, what = preview["messages"]
    assert who["traits"] == {"plan": "silver"}
    assert (what["event"], what["properties"]) == ("Saved A", {"via": "hook", "token": "t"})
    assert preview["durationMs"] > 0
    broken = api.post(function["previewWebhookUrl"], json={"broken": True}, headers=headers)
    assert data_of(broken)["preview"]["error"]["message"] == "Error: as asked"
    assert httpx.post(function["previewWebhookUrl"], json={}).status_code == 401
    assert not arrived(receiver, "/never")


def held(api, source, reason):
    found = data_of(api.get("/penstock/quarantine", params={"sourceId": source["id"], "reason": reason}))["events"]
    return [event["messageId"] for event in found]


def test_what_throws_or_ends_its_process_costs_itself_alone(instance, api, source, receiver):
    """FC-76: an Error is permanent, a loop is tried again; the requests behind them run."""
    for body in ({"hang": True}, {"exit": True}, {"broken": True}, {"user": "behind", "items": ["C"]}):
        assert call(instance, source, body).status_code == 200
    wait_until(lambda: any(e["userId"] == "behind" for e in arrived(receiver, "/made")), 60, "the one behind")
    wait_until(lambda: len(held(api, source, "bad_request")) == 2, 60, "the two that failed")
    answer = call(instance, source, {"user": "later", "items": []})
    assert answer.status_code == 200
    wait_until(lambda: any(e["userId"] == "later" for e in arrived(receiver, "/made")), 60, "the one after")


def test_requests_around_a_kill_make_each_event_once(instance, api, receiver):
    """With a function of its own: the loop of another test is still tried again, which ends what runs beside it."""
    source = made(api, receiver, "/killed")
    for number in range(20):
        assert call(instance, source, {"user": f"k{number}", "items": ["K"]}).status_code == 200
    os.kill(instance.pid_of("engine"), signal.SIGKILL)
    for number in range(20, 30):
        assert call(instance, source, {"user": f"k{number}", "items": ["K"]}).status_code == 200

    def made_events():
        return [event for event in arrived(receiver, "/killed") if event["type"] == "track"]

    def missing():
        return {f"k{number}" for number in range(30)} - {event["userId"] for event in made_events()}

    # Two rungs of the retry ladder: on a busy machine, what found no turn in five seconds goes there.
    wait_until(lambda: not missing(), 240, "each of the thirty")
    # Delivery to a webhook may repeat what was in flight at the kill, but the ids are those of one event each.
    assert len({event["messageId"] for event in made_events()}) == 30


def test_a_source_insert_function_changes_drops_and_passes_suppression_again(instance, api, receiver):
    source = create_source(api, f"inserted-{time.time_ns()}")
    connect_webhook(api, source["id"], f"{receiver.url}/inserted")
    data_of(
        api.post(
            f"/regulations/sources/{source['id']}",
            json={"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": ["hidden"]},
        )
    )
    attach(api, source, CHANGE)
    time.sleep(3)  # five seconds are what suppression may take
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.batch([track("i1"), track("i2", "Drop"), track("i3", "Hide"), track("i4"), track("i1")])
    wait_until(lambda: {e["messageId"] for e in arrived(receiver, "/inserted")} >= {"i1", "i4"}, 60, "what passes")
    told = {event["messageId"]: event for event in arrived(receiver, "/inserted")}
    assert set(told) == {"i1", "i4"}
    assert told["i1"]["properties"]["plan"] == "gold"
    assert told["i1"]["timestamp"] == told["i1"]["originalTimestamp"]
    assert len(arrived(receiver, "/inserted")) == 2


def test_what_was_blocked_before_there_was_an_insert_function_meets_it_in_a_replay(instance, api, receiver):
    source = create_source(api, f"replayed-{time.time_ns()}")
    connect_webhook(api, source["id"], f"{receiver.url}/replayed")
    filters = f"/penstock/sources/{source['id']}/schema-filters"
    data_of(api.patch(filters, json={"blockedEvents": [{"type": "track", "name": "Early"}]}))
    numbers = itertools.count()
    with sender(instance.url, source["writeKeys"][0]) as send:

        def blocked():
            send.send(track(f"early-{next(numbers)}", "Early"))
            return held(api, source, "event_setting")

        first, *_ = wait_until(blocked, 60, "one that is blocked")
    data_of(api.patch(filters, json={"blockedEvents": []}))
    attach(api, source, CHANGE)
    assert data_of(api.post("/penstock/quarantine/replay", json={"sourceId": source["id"]}))["count"] >= 1

    def told():
        return [event for event in arrived(receiver, "/replayed") if event["messageId"] == first]

    event, *_ = wait_until(told, 60, "what was blocked")
    assert (event["event"], event["properties"]["plan"]) == ("Early", "gold")


def test_requests_to_a_disabled_function_end_and_are_not_kept_until_it_is_enabled(api, instance, source, receiver):
    alpha = {"Accept": "application/vnd.segment.v1alpha+json"}
    named = source["metadata"]["id"]
    functions = data_of(api.get("/functions", params={"resourceType": "SOURCE"}))["functions"]
    official = {"Accept": "application/vnd.segment.v1+json"}
    (function,) = [
        one["id"]
        for one in functions
        if data_of(api.get(f"/functions/{one['id']}", headers=official))["function"]["catalogId"] == named
    ]
    listed = api.get("/insert-function-instances", params={"functionId": function}, headers=alpha)
    (attached,) = data_of(listed)["instances"]
    path = f"/insert-function-instances/{attached['id']}"
    data_of(api.patch(path, json={"settings": {}, "enabled": False}, headers=alpha))
    time.sleep(2)  # the promise
    before = len(arrived(receiver, "/made"))
    assert call(instance, source, {"user": "nobody", "items": []}).status_code == 200
    data_of(api.patch(path, json={"settings": {}, "enabled": True}, headers=alpha))
    time.sleep(2)
    assert call(instance, source, {"user": "again", "items": []}).status_code == 200
    wait_until(lambda: len(arrived(receiver, "/made")) > before, 60, "the one after")
    assert [event["userId"] for event in arrived(receiver, "/made")[before:]] == ["again"]
