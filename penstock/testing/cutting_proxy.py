"""A TCP proxy on loopback that misbehaves on command: it cuts, holds or changes what passes, in either direction.

With it a test stands between the moment when something was stored and the moment when its answer arrives.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class CuttingProxy:
    """`async with CuttingProxy(port) as proxy`, then connect to `proxy.port` instead."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open_upward, self._open_downward = asyncio.Event(), asyncio.Event()
        self._open_upward.set()
        self._open_downward.set()
        self._cut_upward: Callable[[bytes], int | None] | None = None
        self._cut_downward: Callable[[bytes], int | None] | None = None
        self._changes: list[tuple[bytes, bytes]] = []
        self.answers: list[tuple[float, int]] = []
        """When which status passed, of answers that came in one piece."""
        self.questions_held = b""
        """What the client has sent that waits, or waited, here."""
        self.is_refusing = False
        self.port = 0
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """End every connection now, and let through again what was held."""
        self.cuts += 1
        for writer in self._writers:
            writer.transport.abort()
        self.release()

    def hold_answers(self) -> None:
        """From now on what the target answers waits here, until `release` or `cut`."""
        self._open_downward.clear()

    def hold_questions(self) -> None:
        """From now on what the client sends waits here, until `release` or `cut`."""
        self._open_upward.clear()

    def release(self) -> None:
        self._open_upward.set()
        self._open_downward.set()

    def cut_at_answer(self, containing: bytes) -> None:
        """Cut instead of passing on the next answer that contains these bytes; then pass everything again."""
        self._cut_downward = lambda data: 0 if containing in data else None

    def cut_after_sent(self, count: int) -> None:
        """Cut when the client has sent exactly `count` more bytes; then pass everything again."""
        left = count

        def place(data: bytes) -> int | None:
            nonlocal left
            if len(data) < left:
                left -= len(data)
                return None
            return left

        self._cut_upward = place

    def change_question(self, *changes: tuple[bytes, bytes]) -> None:
        """Put the second for the first of each pair where the client sends it next, once."""
        self._changes += changes

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            writer.transport.abort()
            return
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        self._writers |= {writer, target_writer}
        pumps = (self._pump(reader, target_writer, True), self._pump(target_reader, writer, False))
        for task in [asyncio.create_task(pump) for pump in pumps]:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_upward: bool) -> None:
        try:
            while data := await reader.read(1 << 16):
                data = self._changed(data) if is_upward else self._noted(data)
                if is_upward and not self._open_upward.is_set():
                    self.questions_held += data
                await (self._open_upward if is_upward else self._open_downward).wait()
                if writer.transport.is_closing():
                    return
                if (place := self._place(data, is_upward)) is not None:
                    writer.write(data[:place])
                    await writer.drain()
                    self.cut()
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)

    def _changed(self, data: bytes) -> bytes:
        for change in [change for change in self._changes if change[0] in data]:
            data = data.replace(*change, 1)
            self._changes.remove(change)
        return data

    def _noted(self, data: bytes) -> bytes:
        if data.startswith(b"HTTP/1.1 "):
            self.answers.append((time.monotonic(), int(data[9:12])))
        return data

    def _place(self, data: bytes, is_upward: bool) -> int | None:
        """Where in `data` to cut, if here."""
        rule = self._cut_upward if is_upward else self._cut_downward
        place = rule(data) if rule is not None else None
        if place is not None:
            self._cut_upward = self._cut_downward = None
        return place


class ThreadedProxy:
    """A cutting proxy in a thread of its own, for tests that wait without a loop."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.proxy = CuttingProxy(port)

    def __enter__(self) -> CuttingProxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.proxy.__aenter__(), self._loop).result(5)
        return self.proxy

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.proxy.__aexit__(None, None, None), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
