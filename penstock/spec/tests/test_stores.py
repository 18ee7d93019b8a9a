import pytest

from penstock.kit.settings import fields
from penstock.spec.stores import REGISTER, Keeps, path_is_registered, subject_is_registered


def test_names_of_stores_are_unique():
    names = [store.name for store in REGISTER]
    assert len(names) == len(set(names))


def test_every_store_says_how_it_forgets_and_by_when():
    assert all(store.forgets and store.until and store.where for store in REGISTER)


def test_a_stream_that_keeps_events_is_bounded_by_a_setting():
    bounded = [
        store
        for store in REGISTER
        if store.keeps is Keeps.EVENTS and "." in store.where[0] and "/" not in store.where[0]
    ]
    named = {store.name: store.until for store in bounded if store.until not in fields()}
    # What functions print stands in memory, and its bounds are no setting.
    assert list(named) == ["function logs"]
    assert "seven days" in named["function logs"]
    assert len(bounded) == 5


@pytest.mark.parametrize(
    "subject",
    [
        "accepted.3.edge-1",
        "accepted.0.*",
        "routed.0",
        "delivery.0.>",
        "delivery.0.retry.4",
        "facts.>",
        "$KV.snapshots.>",
    ],
)
def test_a_registered_subject_is_known(subject):
    assert subject_is_registered(subject)


@pytest.mark.parametrize("subject", ["archive.0", "routed.0.more", "samples.>", "$KV.other.>", "delivery.0.other"])
def test_an_unregistered_subject_is_found(subject):
    assert not subject_is_registered(subject)


@pytest.mark.parametrize(
    "path", ["nats/jetstream/x/1.blk", "dedupe/0/CURRENT", "control.sqlite-wal", "lock", ".run.json.12"]
)
def test_a_registered_path_is_known(path):
    assert path_is_registered(path)


@pytest.mark.parametrize("path", ["samples/0", "events.json", "control.sqlite-wal/x", "other/lock", "archive/lock"])
def test_an_unregistered_path_is_found(path):
    assert not path_is_registered(path)
