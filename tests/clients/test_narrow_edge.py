"""An edge with bounds that are off by default or wider: strict write keys, a quota of events, a short time for bodies."""

from collections import Counter

import pytest
from real_clients import Stage, statuses, tracks

from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import outcomes
from penstock.testing.sender import sender, track

SETTINGS = {
    "PENSTOCK_SYNC_SECONDS": "600",
    "PENSTOCK_STRICT_WRITE_KEYS": "true",
    "PENSTOCK_SOURCE_EVENT_RATE": "20",
    "PENSTOCK_BODY_SECONDS": "2",
}
LONGER = {
    "python": (b"Content-Length: ", b"Content-Length: 9"),
    "node": (b"content-length: ", b"content-length: 9"),
}
"""Makes the server wait for more than is sent."""


@pytest.fixture(scope="module")
def narrow(tmp_path_factory, node_folder):
    with Instance(tmp_path_factory.mktemp("narrow") / "data", SETTINGS) as instance, Stage(instance) as stage:
        yield stage


def test_both_clients_drop_what_is_refused_and_later_calls_with_the_right_key_arrive(narrow, client):
    narrow.proxy.answers.clear()
    ran = client.run(narrow.url, "A" * 32, tracks(f"typo-{client.name}"), **client.one_request(5))
    assert statuses(narrow.proxy.answers) == [401]
    assert len(ran.failed) == 5
    slug = f"strict-{client.name}"
    ran = client.run(narrow.url, narrow.key(slug), tracks(slug))
    assert not ran.failed
    assert narrow.loaded(slug) == Counter(ran.ids)


def test_fc01_a_mistyped_key_is_told_to_its_sender(narrow):
    with sender(narrow.instance.url, "B" * 32) as send:
        answer = send.post("/v1/track", track("fc01-strict"))
    assert answer.status_code == 401
    assert answer.json().keys() == {"success", "code", "message", "error"}
    assert answer.json()["code"] == "unauthorized"


def test_an_event_right_after_its_source_was_made_is_taken(narrow):
    wanted = {("SUCCESSFULLY_RECEIVED", ""): 1}
    for number in range(5):
        source = narrow.source(f"fresh-{number}")
        with sender(narrow.instance.url, source["writeKeys"][0]) as send:
            send.send(track(f"fresh-{number}"))
        wait_until(
            lambda source=source: outcomes(narrow.instance, of_source_itself=True, source_id=source["id"]) == wanted,
            15,
            "one event received",
        )


def test_above_its_quota_a_source_is_heard_later_and_loses_nothing(narrow, client):
    slug = f"quota-{client.name}"
    key = narrow.key(slug)
    before = [track(f"{slug}-before-{number}") for number in range(125)]  # some seconds of debt
    with sender(narrow.instance.url, key) as send:
        send.batch(before)
    narrow.proxy.answers.clear()
    ran = client.run(narrow.url, key, tracks(slug), **client.one_request(5))
    assert not ran.failed
    assert statuses(narrow.proxy.answers) == [429, 200]
    (refused_at, _), (taken_at, _) = narrow.proxy.answers
    assert taken_at - refused_at >= 1
    assert narrow.loaded(slug) == Counter([*ran.ids, *(event["messageId"] for event in before)])


def test_a_body_that_does_not_come_in_time_is_sent_again(narrow, client):
    slug = f"late-{client.name}"
    key = narrow.key(slug)
    narrow.proxy.answers.clear()
    narrow.proxy.change_question(LONGER[client.name])
    ran = client.run(narrow.url, key, tracks(slug), **client.one_request(5))
    assert not ran.failed
    assert statuses(narrow.proxy.answers) == [408, 200]
    assert narrow.loaded(slug) == Counter(ran.ids)
