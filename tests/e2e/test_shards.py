"""Two shards: each event lands on the one of its visitor, and arrives once wherever it lands."""

from collections import Counter, defaultdict

import pytest

from penstock.spec import routed
from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import ask_log, outcomes, wait_for_finals
from penstock.testing.receiver import Receiver
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source

USERS = 60
EACH = 5


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    data = tmp_path_factory.mktemp("shards") / "data"
    with Receiver() as receiver, Instance(data, {"PENSTOCK_SHARDS": "2"}) as instance, instance.api() as api:
        source = create_source(api, "shop")
        destination = connect_webhook(api, source["id"], receiver.url)
        with sender(instance.url, source["writeKeys"][0]) as send:
            for number in range(EACH):
                events = [track(f"m-{user}-{number}", user=f"u-{user}", number=number) for user in range(USERS)]
                send.batch(events)
                send.send(events[0])
        wait_until(lambda: len(receiver.requests) >= USERS * EACH, 90, "every event at the webhook")
        instance.sync()
        yield instance, receiver, destination


def wanted():
    return {f"m-{user}-{number}" for user in range(USERS) for number in range(EACH)}


def test_each_event_arrives_once_at_the_webhook(sharded):
    _, receiver, _ = sharded
    assert Counter(request.json()["messageId"] for request in receiver.requests) == Counter(wanted())


def test_each_event_is_in_the_warehouse_once(sharded):
    instance, _, _ = sharded
    for table in ("tracks", "step_done"):
        assert Counter(row["id"] for row in instance.sql(f"select id from shop.{table}")) == Counter(wanted())


def test_both_shards_work_and_a_visitor_keeps_to_one_in_order(sharded):
    instance, _, _ = sharded
    shards = [ask_log(instance, lambda log, shard=shard: read_routed(log, shard)) for shard in range(2)]
    assert all(shards)
    assert shards[0].keys().isdisjoint(shards[1].keys())
    for shard in shards:
        assert all(ids == sorted(ids) for ids in shard.values())


def test_counts_of_both_shards_are_added_up(sharded):
    instance, _, destination = sharded
    total = USERS * EACH
    assert wait_for_finals(instance, destination["id"], total) == {
        ("SUCCESSFUL_DELIVERY", "successes.attempt.1"): total
    }
    wait_until(lambda: outcomes(instance).get(("FAILED_ON_INGEST", "duplicate")) == EACH, 60, "counted duplicates")
    assert outcomes(instance)["SUCCESSFULLY_RECEIVED", ""] == total


async def read_routed(log, shard):
    """Message ids by user, in the order of the log."""
    found = defaultdict(list)
    start, last = 1, (await log.state(f"ROUTED-{shard}")).last
    while start <= last:
        for message in await log.get_batch(f"ROUTED-{shard}", start):
            start = message.sequence + 1
            head, _ = routed.decoder.frame(message.payload)
            for row in head.rows:
                found[row.message_id.rpartition("-")[0]].append(row.message_id)
    return found
