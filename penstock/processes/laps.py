"""Appends what functions of sources made, by frame writers of the engine's own."""

import asyncio
from collections.abc import Sequence

from penstock.delivery.laps import Lapped, LappedObject
from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import Refusal
from penstock.ingest.frame_writer import FrameWriter
from penstock.ingest.tracking import shard_of, weight_of
from penstock.kit.settings import Settings
from penstock.spec.accepted import OBJECT_CALL, RequestRecord
from penstock.spec.laps import LAP

_BATCH = "batch"


class LapWriters:
    """One writer for each shard and lap.

    Events that one run made go to one shard, by the first message id; objects each to its own.
    """

    def __init__(self, log: Log, settings: Settings, view: SnapshotView) -> None:
        self._view = view
        shards = range(settings.shards)
        self._writers = {lap: [FrameWriter(log, one, settings.frame_bytes, lap) for one in shards] for lap in ("", LAP)}

    async def append(self, lapped: Lapped) -> bool:
        source = self._view.sources.get(lapped.source_id)
        if source is None or not source.write_keys:
            return False
        key, writers = source.write_keys[0], self._writers[lapped.lap]
        receipts = []
        if lapped.events:
            record = RequestRecord(lapped.received_at, key, _BATCH, is_client=lapped.is_client)
            writer = writers[shard_of(lapped.message_ids[0], len(writers))]
            receipts.append(_submit(writer, record, lapped.events, lapped.message_ids, lapped.made_ids))
        record = RequestRecord(lapped.received_at, key, OBJECT_CALL)
        for shard, told in self._by_shard(lapped).items():
            texts, ids = [each.text for each in told], [each.message_id for each in told]
            receipts.append(_submit(writers[shard], record, texts, ids))
        return all(await asyncio.gather(*receipts))

    def _by_shard(self, lapped: Lapped) -> dict[int, list[LappedObject]]:
        """One object of a source is always told of in the same log, whatever request tells of it."""
        found: dict[int, list[LappedObject]] = {}
        for each in lapped.objects:
            place = f"{lapped.source_id}/{each.key.collection}/{each.key.id}"
            found.setdefault(shard_of(place, len(self._writers[lapped.lap])), []).append(each)
        return found

    async def close(self) -> None:
        for writers in self._writers.values():
            for writer in writers:
                await writer.close()


def _submit(
    writer: FrameWriter,
    record: RequestRecord,
    texts: list[bytes],
    message_ids: list[str],
    made_ids: Sequence[bool] = (),
) -> asyncio.Future[bool]:
    """Whether they are stored, once that is known."""
    receipt = _Receipt()
    size = weight_of(record, len(texts), sum(map(len, texts)))
    writer.submit(record, texts, message_ids, made_ids or [False] * len(texts), size, receipt)
    return receipt.is_stored


class _Receipt:
    def __init__(self) -> None:
        self.is_stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def stored(self) -> None:
        self._settle(is_stored=True)

    def refused(self, refusal: Refusal) -> None:
        del refusal
        self._settle(is_stored=False)

    def _settle(self, *, is_stored: bool) -> None:
        if not self.is_stored.done():
            self.is_stored.set_result(is_stored)
