"""What functions of sources made is appended on a real log: events together, each object to the log that is its own."""

from types import SimpleNamespace

from penstock.delivery.laps import Lapped, LappedObject
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.kit.settings import Settings
from penstock.processes.laps import LapWriters
from penstock.spec import accepted
from penstock.spec.objects import ObjectKey

SHARDS = 2


def lapped(*ids, number=0):
    objects = [
        LappedObject(ObjectKey("rooms", each), f"o-{each}-{number}", b'{"id":"%s"}' % each.encode()) for each in ids
    ]
    return Lapped(
        "src",
        7,
        [b'{"event":"A"}', b'{"event":"B"}'],
        [f"e1-{number}", f"e2-{number}"],
        "",
        objects=objects,
        made_ids=[True, False],
    )


async def frames_of(log, shard):
    stream = accepted.stream_name(shard)
    last = (await log.state(stream)).last
    messages = await log.get_batch(stream, 1) if last else []
    return [accepted.decoder.frame(message.payload)[0] for message in messages]


async def test_what_is_told_of_one_object_stands_in_one_log_in_its_order(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await ensure_streams(log, SHARDS)
    source = SimpleNamespace(write_keys=["wk"])
    writers = LapWriters(log, Settings(shards=SHARDS), SimpleNamespace(sources={"src": source}))
    ids = [f"r{number}" for number in range(8)]
    for number in range(2):
        assert await writers.append(lapped(*ids, number=number))
    assert not await writers.append(Lapped("gone", 7, [b"{}"], ["m"], ""))
    found, events = {}, []
    for shard in range(SHARDS):
        for head in await frames_of(log, shard):
            for row in head.rows:
                request = head.requests[row.request]
                assert (request.write_key, request.received_at) == ("wk", 7)
                if request.call == "batch":
                    events.append((shard, row.message_id))
                    assert row.made_id is row.message_id.startswith("e1"), "as it was told"
                else:
                    assert request.call == accepted.OBJECT_CALL
                    found.setdefault(row.message_id.split("-")[1], []).append((shard, row.message_id))
    assert {each: [message_id for _, message_id in told] for each, told in found.items()} == {
        each: [f"o-{each}-0", f"o-{each}-1"] for each in ids
    }
    assert all(len({shard for shard, _ in told}) == 1 for told in found.values())
    assert {shard for told in found.values() for shard, _ in told} == {0, 1}, "both logs hold some"
    assert sorted(message_id for _, message_id in events) == ["e1-0", "e1-1", "e2-0", "e2-1"]
    await writers.close()
    await log.close()
