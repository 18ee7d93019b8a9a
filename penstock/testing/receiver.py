"""A receiver of webhooks on loopback: records what it gets and answers as the test says."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any, Self
from weakref import WeakSet

import msgspec


class Received(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Reply(msgspec.Struct, frozen=True):
    """What is answered: after `delay` seconds; `status` 0 means never (the connection stays open and silent)."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b"{}"
    delay: float = 0.0


class Receiver:
    """Listens on a free loopback port in a thread of its own while the context is open."""

    def __init__(self, answer: Callable[[Received], Reply] | None = None) -> None:
        self.answer = answer or (lambda _request: Reply())
        self.requests: list[Received] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.silence()
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def listen(self) -> None:
        """Start to listen, again on the same port after `silence`."""
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    def silence(self) -> None:
        """Stop listening: connections are refused from now on."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=1 << 24)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()

    async def _end_all(self) -> None:
        """Also what was accepted a moment ago, and what has more to send than its client reads."""
        for _ in range(3):
            await asyncio.sleep(0)
            await _cancel_all()
            for transport in list(self._transports):
                transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.add(writer.transport)
        try:
            while request := await _read(reader):
                self.requests.append(request)
                reply = self.answer(request)
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                if reply.status == 0:
                    # Until the client gives up. A wait that nothing outside refers to would be collected as garbage.
                    await reader.read()
                    return
                writer.write(_encode(reply))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _cancel_all() -> None:
    current = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not current]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Received | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Received(method, path, headers, await _read_body(reader, headers))


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", "0")))
    chunks = []
    while size := int(await reader.readline(), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(chunks)


def _encode(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Status", f"content-length: {len(reply.body)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body
