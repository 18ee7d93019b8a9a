"""Regulations act on what real clients send: through the API, the edge, the pipeline, a webhook and the warehouse."""

import time

import pytest
from segment.analytics.client import Client

from penstock.testing.instance import wait_until
from penstock.testing.observing import outcomes, quarantined
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

PROMISE_SECONDS = 2.0
"""A change acts on what is sent as long after its answer."""


def regulate(api, type_, *user_ids, path="/regulations"):
    body = {"regulationType": type_, "subjectType": "USER_ID", "subjectIds": list(user_ids)}
    answer = api.post(path, json=body, headers={"accept": "application/vnd.segment.v1+json"})
    return data_of(answer)["regulateId"]


def status_of(api, regulation):
    return data_of(api.get(f"/regulations/{regulation}"))["regulation"]["overallStatus"]


def arrived(receiver, path):
    return {request.json()["messageId"] for request in receiver.requests if request.path == path}


def loaded(instance, schema):
    instance.sync()
    return {row["id"] for row in instance.sql(f'select id from "{schema}".tracks')}


@pytest.fixture(scope="module")
def sent(instance, api, receiver):
    """The source; u-9 was suppressed while b-* were sent, u-1 never; all have arrived that will."""
    source = create_source(api, "suppressing")
    connect_webhook(api, source["id"], receiver.url + "/suppressing")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track("a-9", user="u-9"))
        wait_until(lambda: "a-9" in arrived(receiver, "/suppressing"), 60, "the event before")
        begun = regulate(api, "SUPPRESS_ONLY", "u-9")
        send.send(track("at-once-1", user="u-1"))
        time.sleep(1)  # the case says so: one second later
        send.batch([track("b-9", user="u-9"), track("b-1", user="u-1"), {"type": "identify", "userId": "u-9"}])
        wait_until(lambda: "b-1" in arrived(receiver, "/suppressing"), 60, "the other user's event")
        wait_until(lambda: status_of(api, begun) == "FINISHED", 60, "the status")
        suppressed = data_of(api.get("/suppressions"))["suppressed"]
        ended = regulate(api, "UNSUPPRESS", "u-9")
        time.sleep(PROMISE_SECONDS)
        send.batch([track("b-9", user="u-9"), track("c-9", user="u-9")])
        wait_until(lambda: "c-9" in arrived(receiver, "/suppressing"), 60, "the event after")
        wait_until(lambda: status_of(api, ended) == "FINISHED", 60, "the status of the end")
    return source, suppressed


class TestSuppression:
    """FC-81, and its end."""

    def test_nothing_of_a_suppressed_user_reaches_webhook_or_warehouse_and_what_comes_after_the_end_does(
        self, instance, receiver, sent
    ):
        expected = {"a-9", "at-once-1", "b-1", "c-9"}
        assert arrived(receiver, "/suppressing") == expected
        assert loaded(instance, "suppressing") == expected

    def test_each_ends_with_its_outcome(self, instance, sent):
        wanted = ("FILTERED_AT_SOURCE", "suppressed"), 2
        source, _ = sent
        found = wait_until(
            lambda: [
                each
                for each in outcomes(instance, of_source_itself=True, source_id=source["id"]).items()
                if each == wanted
            ],
            20,
            "the outcomes",
        )
        assert found == [wanted]

    def test_what_comes_again_after_the_end_is_a_duplicate(self, instance, sent):
        source, _ = sent
        found = outcomes(instance, of_source_itself=True, source_id=source["id"])
        assert found["FAILED_ON_INGEST", "duplicate"] == 1

    def test_who_was_suppressed_was_told(self, sent):
        assert sent[1] == [{"subjectType": "USER_ID", "subjectIds": ["u-9"]}]

    def test_a_suppression_outlives_a_restart(self, instance, api, receiver, sent):
        source, _ = sent
        regulate(api, "SUPPRESS_ONLY", "u-10")
        instance.stop()
        instance.start()
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.batch([track("d-10", user="u-10"), track("d-1", user="u-1")])
        wait_until(lambda: "d-1" in arrived(receiver, "/suppressing"), 60, "the other user's event")
        assert "d-10" not in arrived(receiver, "/suppressing")


class TestSuppressionOfARealClient:
    """The same as an application meets it: its SDK is answered as ever."""

    def test_the_sdk_sees_no_error_and_the_event_goes_nowhere(self, instance, api, receiver, sent):
        source, _ = sent
        before = outcomes(instance, of_source_itself=True, source_id=source["id"])["FILTERED_AT_SOURCE", "suppressed"]
        regulate(api, "SUPPRESS_ONLY", "u-11")
        time.sleep(PROMISE_SECONDS)
        errors = []
        client = Client(source["writeKeys"][0], host=instance.url, on_error=lambda *error: errors.append(error))
        gone, passed = (client.track(user, "Step Done")[1]["messageId"] for user in ("u-11", "u-1"))
        client.flush()
        client.join()
        assert errors == []
        wait_until(lambda: passed in arrived(receiver, "/suppressing"), 60, "the other user's event")
        counted = lambda: outcomes(instance, of_source_itself=True, source_id=source["id"])  # noqa: E731
        wait_until(lambda: counted()["FILTERED_AT_SOURCE", "suppressed"] == before + 1, 60, "the outcome")
        assert gone not in arrived(receiver, "/suppressing")
        rows = loaded(instance, "suppressing")
        assert passed in rows
        assert gone not in rows

    def test_a_replay_does_not_bring_back_what_was_in_quarantine_before(self, instance, api, receiver):
        strict = create_source(api, "replayed")
        connect_webhook(api, strict["id"], receiver.url + "/replayed")
        plan = data_of(api.post("/tracking-plans", json={"name": "Replayed", "type": "LIVE"}))["trackingPlan"]
        data_of(api.post(f"/tracking-plans/{plan['id']}/sources", json={"sourceId": strict["id"]}))
        path = f"/sources/{strict['id']}/settings"
        data_of(api.patch(path, json={"track": {"allowUnplannedEvents": False}}))
        time.sleep(PROMISE_SECONDS)
        with sender(instance.url, strict["writeKeys"][0]) as send:
            send.batch([track("held-12", user="u-12"), track("held-1", user="u-1")])
        wait_until(lambda: len(quarantined(instance)) == 2, 60, "both in quarantine")
        regulate(api, "SUPPRESS_ONLY", "u-12")
        data_of(api.patch(path, json={"track": {"allowUnplannedEvents": True}}))
        time.sleep(PROMISE_SECONDS)
        assert data_of(api.post("/penstock/quarantine/replay", json={"sourceId": strict["id"]}))["count"] == 2
        wait_until(lambda: "held-1" in arrived(receiver, "/replayed"), 60, "the other user's event")
        with sender(instance.url, strict["writeKeys"][0]) as send:
            send.send(track("after-1", user="u-1"))
        wait_until(lambda: "after-1" in arrived(receiver, "/replayed"), 60, "what was sent after the replay")
        assert arrived(receiver, "/replayed") == {"held-1", "after-1"}


class TestWriteKeys:
    def test_a_key_is_exchanged_without_losing_an_event(self, instance, receiver):
        with instance.api() as api:
            source = create_source(api, "keys")
            connect_webhook(api, source["id"], receiver.url + "/keys")
            old, path = source["writeKeys"][0], f"/sources/{source['id']}/writekey"
            new = data_of(api.post(path))["source"]["writeKeys"][1]
            for message_id, key in (("a", old), ("b", new)):
                with sender(instance.url, key) as send:
                    send.send(track(message_id))
            wait_until(lambda: arrived(receiver, "/keys") == {"a", "b"}, 60, "both")
            assert data_of(api.delete(f"{path}/{old}")) == {"status": "SUCCESS"}
            time.sleep(PROMISE_SECONDS)
            for message_id, key in (("c", old), ("d", new)):
                with sender(instance.url, key) as send:
                    send.send(track(message_id))
            wait_until(lambda: "d" in arrived(receiver, "/keys"), 60, "the event with the new key")
            wait_until(lambda: outcomes(instance)["FAILED_ON_INGEST", "unknown_source"] == 1, 60, "the refusal")
            assert arrived(receiver, "/keys") == {"a", "b", "d"}
