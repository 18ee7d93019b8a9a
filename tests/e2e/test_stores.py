"""What a busy installation stores is registered: every file below its directory, every subject of its streams."""

import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import quarantined, subjects, wait_for_finals
from penstock.testing.receiver import Receiver, Reply
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, create_webhook, subscribe
from penstock.testing.stores import unregistered_files, unregistered_subjects

SETTINGS = {"PENSTOCK_RETRY_SECONDS": "0.2,0.2", "PENSTOCK_SYNC_SECONDS": "1"}


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """An installation that has delivered, failed, retried, kept in quarantine, loaded, and was started again."""
    data = tmp_path_factory.mktemp("stores") / "data"
    answer = lambda request: Reply(500 if "bad" in request.path else 200)  # noqa: E731
    with Receiver(answer) as receiver, Instance(data, SETTINGS) as instance, instance.api() as api:
        source = create_source(api, "shop")
        good = connect_webhook(api, source["id"], receiver.url + "/good")
        bad = create_webhook(api, source["id"], "Bad")
        subscribe(api, bad["id"], receiver.url + "/bad", 'event = "Step Done"')
        with sender(instance.url, source["writeKeys"][0]) as send:
            send.batch(track(f"m-{number}", "Step Done" if number < 5 else "Other") for number in range(30))
            send.post("/v1/track", b'{"userId":7}')
        wait_for_finals(instance, good["id"], 30)
        wait_for_finals(instance, bad["id"], 30)
        instance.sync()
        instance.stop()
        instance.start()
        wait_until(lambda: len(quarantined(instance)) == 5, 60, "five events in quarantine")
        yield instance


def test_every_file_of_the_data_directory_is_registered(busy):
    assert (busy.data / "warehouse" / "penstock.duckdb").exists()
    assert unregistered_files(busy.data) == []


def test_every_subject_that_holds_a_message_is_registered(busy):
    found = subjects(busy)
    for expected in ("accepted.0.", "routed.0", "delivery.0.settled", "delivery.0.members", "delivery.0.retry.0"):
        assert any(subject.startswith(expected) for subject in found), (expected, found)
    assert any(subject.startswith("delivery.0.quarantine.") for subject in found)
    assert any(subject.startswith("facts.") for subject in found)
    assert any(subject.startswith("$KV.snapshots.") for subject in found)
    assert unregistered_subjects(found) == []


@pytest.mark.parametrize("stranger", ["events.json", "warehouse2/rows.parquet", "dedupe.bak"])
def test_a_stranger_among_the_files_is_found(busy, stranger):
    file = busy.data / stranger
    file.parent.mkdir(exist_ok=True)
    file.touch()
    try:
        assert unregistered_files(busy.data) == [stranger]
    finally:
        file.unlink()


def test_a_stranger_among_the_subjects_is_found(busy):
    assert unregistered_subjects([*subjects(busy), "samples.0"]) == ["samples.0"]
