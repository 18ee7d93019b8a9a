import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest import body as reading
from penstock.ingest.answers import Refusal
from penstock.ingest.body import Overdue, decompressed, read_body

LIMIT = 1000


class Exchange:
    """A request whose body comes in the given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def __call__(self) -> bytes:
        return b"".join(self.pieces)

    async def __aiter__(self):
        while self.pieces:
            yield self.pieces.pop(0)


class TestReadBody:
    async def test_a_declared_body_is_read_whole(self):
        assert await read_body(Exchange(b"ab", b"c"), {"content-length": "3"}, LIMIT) == b"abc"

    async def test_a_chunked_body_is_joined(self):
        assert await read_body(Exchange(b"ab", b"c", b""), {}, LIMIT) == b"abc"

    async def test_the_limit_is_inclusive(self):
        assert len(await read_body(Exchange(b"a" * LIMIT), {}, LIMIT)) == LIMIT
        with pytest.raises(Refusal) as refused:
            await read_body(Exchange(b"a" * (LIMIT + 1)), {}, LIMIT)
        assert refused.value.code == "payload_too_large"

    async def test_what_is_too_large_is_read_to_its_end_but_not_without_bound(self):
        exchange = Exchange(*[b"a" * (1 << 20)] * 20)
        with pytest.raises(Refusal):
            await read_body(exchange, {"content-length": str(20 << 20)}, LIMIT)
        assert 0 < len(exchange.pieces) < 12

    async def test_a_body_shorter_than_declared_is_refused(self):
        with pytest.raises(Refusal) as refused:
            await read_body(Exchange(b"a" * 10), {"content-length": str(LIMIT + 200_000)}, 512_000)
        assert refused.value.status == 400

    async def test_an_unknown_encoding_is_refused(self):
        with pytest.raises(Refusal) as refused:
            await read_body(Exchange(b"{}"), {"content-encoding": "br"}, LIMIT)
        assert (refused.value.status, refused.value.code) == (400, "unsupported_encoding")

    async def test_many_bodies_that_stop_in_the_middle_are_bounded_together(self, monkeypatch):
        import asyncio

        class Stopping(Exchange):
            async def __aiter__(self):
                yield b"a" * 400
                await asyncio.Event().wait()

        monkeypatch.setattr(reading, "READING_LIMIT", 1000)
        tasks = [asyncio.create_task(read_body(Stopping(), {}, LIMIT)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await read_body(Exchange(b"a" * 400), {}, LIMIT)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await read_body(Exchange(b"a" * 900), {}, LIMIT) == b"a" * 900

    async def test_a_body_that_never_comes_ends_with_408(self):
        import asyncio

        class Silent(Exchange):
            async def __call__(self) -> bytes:
                await asyncio.Event().wait()
                raise AssertionError

        watching = asyncio.create_task(reading.overdue.run(0.1))
        async with asyncio.timeout(30):
            with pytest.raises(Refusal) as refused:
                await read_body(Silent(), {"content-length": "5"}, LIMIT)
        watching.cancel()
        assert refused.value.status == 408
        assert asyncio.current_task().cancelling() == 0

    async def test_no_body_ends_before_its_time(self):
        import asyncio

        overdue, late, whole = Overdue(), asyncio.Future(), asyncio.Future()
        started = asyncio.get_running_loop().time()
        overdue.watch(late)
        overdue.watch(whole)
        overdue.forget(whole)
        watching = asyncio.create_task(overdue.run(0.2))
        async with asyncio.timeout(30):
            await asyncio.wait([late])
        watching.cancel()
        assert asyncio.get_running_loop().time() - started >= 0.2
        assert overdue.has_ended(late)
        assert not whole.done()
        overdue.forget(late)
        assert not overdue.is_reading

    async def test_a_client_that_goes_is_no_timeout(self):
        import asyncio

        async def read():
            class Silent(Exchange):
                async def __call__(self) -> bytes:
                    await asyncio.Event().wait()
                    raise AssertionError

            await read_body(Silent(), {"content-length": "5"}, LIMIT)

        task = asyncio.create_task(read())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class TestDecompressed:
    @given(st.binary(max_size=LIMIT))
    def test_what_was_packed_comes_out(self, data):
        assert decompressed(gzip.compress(data), LIMIT) == data

    def test_several_members_are_joined(self):
        assert decompressed(gzip.compress(b"ab") + gzip.compress(b"cd"), LIMIT) == b"abcd"

    def test_the_limit_is_inclusive_and_counts_all_members(self):
        assert len(decompressed(gzip.compress(b"a" * LIMIT), LIMIT)) == LIMIT
        for bomb in (gzip.compress(b"a" * (LIMIT + 1)), gzip.compress(b"a" * 600) * 2):
            with pytest.raises(Refusal) as refused:
                decompressed(bomb, LIMIT)
            assert refused.value.code == "payload_too_large"

    def test_a_bomb_costs_no_more_memory_than_the_limit(self):
        bomb = gzip.compress(b"\0" * (30 << 20))
        tracemalloc.start()
        with pytest.raises(Refusal):
            decompressed(bomb, 512_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 << 20

    @pytest.mark.parametrize(
        "data",
        [b"{}", gzip.compress(b"abc", mtime=0)[:-1], zlib.compress(b"abc"), gzip.compress(b"abc", mtime=0) + b"rest"],
    )
    def test_what_is_no_gzip_is_refused(self, data):
        with pytest.raises(Refusal) as refused:
            decompressed(data, LIMIT)
        assert (refused.value.status, refused.value.code) == (400, "invalid_gzip")

    @given(st.binary(max_size=200))
    def test_bytes_of_any_kind_are_refused_or_read(self, data):
        try:
            decompressed(data, LIMIT)
        except Refusal as refusal:
            assert refusal.status == 400
