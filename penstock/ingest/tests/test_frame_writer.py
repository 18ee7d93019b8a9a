import asyncio
import time

import pytest

from penstock.infra.log import Log, LogTimeout, LogUnavailable
from penstock.infra.log.installation import ensure_streams
from penstock.ingest import frame_writer
from penstock.ingest.answers import Refusal
from penstock.ingest.frame_writer import FrameWriter
from penstock.spec.accepted import RequestRecord, decoder
from penstock.spec.streams import accepted, accepted_subject
from penstock.testing.cutting_proxy import CuttingProxy

RECORD = RequestRecord(1, "key", "track")


async def connect(server, port: int = 0) -> Log:
    log = await Log.connect(f"nats://127.0.0.1:{port or server.port}", token=server.token, name="test")
    await ensure_streams(log, 1)
    return log


class Told(asyncio.Future):
    """A receipt to wait for."""

    def stored(self) -> None:
        if not self.done():
            self.set_result(None)

    def refused(self, refusal: Refusal) -> None:
        if not self.done():
            self.set_exception(refusal)


def submit(writer: FrameWriter, *ids: str, size: int = 10) -> Told:
    told = Told()
    writer.submit(RECORD, [b"{}" for _ in ids], list(ids), [False for _ in ids], size, told)
    return told


async def stored(log: Log, writer: str = "") -> list[tuple[int, list[str]]]:
    """(number, message ids) of each frame, of one writer or of all."""
    messages = await log.get_batch(accepted(0), 1)
    heads = [decoder.frame(message.payload)[0] for message in messages]
    return [(head.number, [row.message_id for row in head.rows]) for head in heads if writer in ("", head.writer)]


class DoubtfulLog:
    """A log whose appends go wrong as scripted: before they are stored, or after."""

    def __init__(self, log: Log, *script: str) -> None:
        self._log = log
        self._script = list(script)

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def append(self, *arguments, **options):
        step = self._script.pop(0) if self._script else "store"
        if step == "lose":
            raise LogUnavailable("lost before it was stored")
        sequence = await self._log.append(*arguments, **options)
        if step == "mute":
            raise LogTimeout("stored, but nobody hears of it")
        return sequence


class TestGroupCommit:
    async def test_what_arrives_while_a_frame_is_in_flight_becomes_one_frame(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        first = submit(writer, "a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [submit(writer, f"b{number}") for number in range(50)]
        await asyncio.gather(first, *others)
        assert await stored(log) == [(1, ["a"]), (2, [f"b{number}" for number in range(50)])]
        await writer.close()
        await log.close()

    async def test_a_lone_request_after_a_crowd_is_stored_without_company(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        await asyncio.gather(*[submit(writer, f"a{number}") for number in range(50)])
        async with asyncio.timeout(30):
            await submit(writer, "b")
        assert (await stored(log, writer.writer))[-1][1] == ["b"]
        await writer.close()
        await log.close()

    async def test_a_large_backlog_becomes_several_frames_in_order(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1000)
        await asyncio.gather(*[submit(writer, f"{number:03}", size=300) for number in range(20)])
        frames = await stored(log, writer.writer)
        assert [number for number, _ in frames] == list(range(1, 8))
        assert [identifier for _, ids in frames for identifier in ids] == [f"{number:03}" for number in range(20)]
        await writer.close()
        await log.close()

    async def test_a_request_above_the_frame_size_is_a_frame_of_its_own(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1000)
        await asyncio.gather(submit(writer, "a", size=10), submit(writer, "b", size=5000), submit(writer, "c", size=10))
        assert [ids for _, ids in await stored(log)] == [["a"], ["b"], ["c"]]
        await writer.close()
        await log.close()

    async def test_rows_tell_where_each_event_stands(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        told = Told()
        writer.submit(RECORD, [b'{"a":1}', b"{}", b"[]"], ["1", "2", "3"], [False, True, False], 11, told)
        await told
        head, body = decoder.frame((await log.get_batch(accepted(0), 1))[0].payload)
        assert [bytes(body[row.offset : row.offset + row.length]) for row in head.rows] == [b'{"a":1}', b"{}", b"[]"]
        assert [row.made_id for row in head.rows] == [False, True, False]
        assert head.requests == [RECORD]
        await writer.close()
        await log.close()

    async def test_a_client_that_went_keeps_nobody_waiting(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        gone, other = submit(writer, "gone"), submit(writer, "other")
        gone.cancel()
        await other
        assert await stored(log) == [(1, ["gone", "other"])]
        await writer.close()
        await log.close()

    async def test_one_that_cannot_be_answered_keeps_nobody_else_waiting(self, own_nats_server):
        class Unanswerable(Told):
            def stored(self) -> None:
                raise RuntimeError("the answer has begun")

        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        writer.submit(RECORD, [b"{}"], ["bad"], [False], 10, Unanswerable())
        await asyncio.wait_for(submit(writer, "beside"), 60)
        await asyncio.wait_for(submit(writer, "after"), 60)
        assert await stored(log) == [(1, ["bad", "beside"]), (2, ["after"])]
        assert writer.incarnations == 1
        await writer.close()
        await log.close()


class TestQuiet:
    async def test_after_its_frames_are_purged_a_writer_goes_on_without_refusing_anybody(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        await submit(writer, "a")
        await submit(writer, "b")
        await log.purge(accepted(0), below=3)
        await submit(writer, "c")
        await submit(writer, "d")
        assert await stored(log) == [(3, ["c"]), (4, ["d"])]
        assert writer.incarnations == 1
        await writer.close()
        await log.close()


class TestDoubt:
    async def test_a_stored_frame_without_an_answer_is_found_and_not_sent_again(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(DoubtfulLog(log, "store", "mute"), 0, 1 << 20)
        for identifier in "abc":
            await submit(writer, identifier)
        assert await stored(log) == [(1, ["a"]), (2, ["b"]), (3, ["c"])]
        assert writer.incarnations == 1
        await writer.close()
        await log.close()

    async def test_a_lost_frame_is_sent_again_with_the_same_number(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(DoubtfulLog(log, "lose", "store", "lose", "lose", "mute"), 0, 1 << 20)
        for identifier in "abc":
            await submit(writer, identifier)
        assert await stored(log) == [(1, ["a"]), (2, ["b"]), (3, ["c"])]
        assert writer.incarnations == 1
        await writer.close()
        await log.close()

    async def test_somebody_else_on_the_subject_ends_the_incarnation(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        await submit(writer, "a")
        before = writer.writer
        await log.append(accepted_subject(0, before), b"not a frame")
        with pytest.raises(Refusal) as refused:
            await submit(writer, "b")
        assert refused.value.status == 503
        assert writer.writer != before
        await submit(writer, "c")
        (message,) = await log.get_batch(accepted(0), 3)
        head = decoder.head(message.payload)
        assert (head.writer, head.number, [row.message_id for row in head.rows]) == (writer.writer, 1, ["c"])
        await writer.close()
        await log.close()

    async def test_a_cut_connection_at_the_answer_stores_each_event_once(self, own_nats_server):
        async with CuttingProxy(own_nats_server.port) as proxy:
            log = await connect(own_nats_server, proxy.port)
            writer = FrameWriter(log, 0, 1 << 20)
            await submit(writer, "a")
            proxy.cut_at_answer(b'"seq"')
            await submit(writer, "b")
            await submit(writer, "c")
            assert proxy.cuts == 1
            assert await stored(log) == [(1, ["a"]), (2, ["b"]), (3, ["c"])]
            await writer.close()
            await log.close()

    async def test_a_killed_log_engine_costs_no_event_and_no_number(self, own_nats_server):
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1 << 20)
        await submit(writer, "a")
        await own_nats_server.kill()
        waiting = [submit(writer, f"b{number}") for number in range(5)]
        await asyncio.sleep(0.2)
        await own_nats_server.start()
        await asyncio.gather(*waiting)
        frames = await stored(log, writer.writer)
        assert [number for number, _ in frames] == list(range(1, len(frames) + 1))
        assert [identifier for _, ids in frames for identifier in ids] == ["a"] + [f"b{n}" for n in range(5)]
        await writer.close()
        await log.close()

    async def test_while_the_log_is_down_requests_wait_no_longer_than_the_deadline(self, own_nats_server, monkeypatch):
        monkeypatch.setattr(frame_writer, "WAIT_SECONDS", 1.0)
        log = await connect(own_nats_server)
        writer = FrameWriter(log, 0, 1000)
        await submit(writer, "a")
        await own_nats_server.kill()
        started = time.monotonic()
        answers = await asyncio.gather(
            *[submit(writer, f"b{number}", size=900) for number in range(20)], return_exceptions=True
        )
        assert time.monotonic() - started < 10, "twenty that wait, each for the deadline, would take longer"
        assert {(answer.status, answer.retry_after) for answer in answers} == {(503, 5)}
        await own_nats_server.start()
        await log.wait_connected(10)
        await submit(writer, "c")
        assert (await stored(log, writer.writer))[0] == (1, ["c"])
        await writer.close()
        await log.close()
