"""The Public API: one source and a page of 200, beside an empty FastAPI route in the same run; pages at a flat cost."""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count, repeat
from pathlib import Path

from bench.report import Figure, at_least, at_most
from penstock.kit.ports import free_port
from penstock.processes.ports import is_listening

SOURCES = 10_000
CONNECTIONS = 8
ROUNDS = 5
SECONDS = 1.0
WARM_UP_SECONDS = 1.0
PAGE = "/sources?pagination.count=200"


class Client(asyncio.Protocol):
    """One connection that asks the next as soon as it is answered."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._received = bytearray()
        self._body_at = 0
        self._ends_at = 0
        self.answered = 0
        self.first_body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(next(self._requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._ends_at:
            head, _, _ = self._received.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), bytes(head)
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._body_at = len(head) + 4
            self._ends_at = self._body_at + int(length)
        if len(self._received) >= self._ends_at:
            if not self.answered:
                self.first_body.set_result(bytes(self._received[self._body_at :]))
            self._received.clear()
            self._ends_at = 0
            self.answered += 1
            self._transport.write(next(self._requests))  # type: ignore[attr-defined]


def request(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def anew(path: str, token: str) -> Iterator[bytes]:
    """Requests that are answered alike, and that nobody has asked yet: an unknown parameter is passed over."""
    return (request(f"{path}&n={number}", token) for number in count())


async def rate(port: int, asked: Iterator[bytes], seconds: float) -> float:
    """Answers per second."""
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Client(asked), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    before, started = sum(client.answered for _, client in opened), time.perf_counter()
    await asyncio.sleep(seconds)
    answered, took = sum(client.answered for _, client in opened) - before, time.perf_counter() - started
    for transport, _ in opened:
        transport.close()
    return answered / took


async def answer(port: int, asked: bytes) -> dict[str, object]:
    """The `data` of one answer."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(lambda: Client(repeat(asked)), "127.0.0.1", port)
    data: dict[str, object] = json.loads(await client.first_body)["data"]
    transport.close()
    return data


async def cursors(port: int, token: str) -> list[str]:
    """Of every page, in order."""
    found = ["MA=="]
    while True:
        data = await answer(port, request(f"{PAGE}&pagination.cursor={found[-1]}", token))
        if "next" not in data["pagination"]:  # type: ignore[operator]
            return found
        found.append(data["pagination"]["next"])  # type: ignore[index]


async def measure(api: int, empty: int, token: str) -> list[Figure]:
    pages = await cursors(api, token)
    asked = {
        "empty": (empty, repeat(request("/", token))),
        "getSource": (api, repeat(request("/sources/source-005000", token))),
        "getSource, anew": (api, anew("/sources/source-005000?", token)),
        "listSources(200)": (api, repeat(request(PAGE, token))),
        "listSources(200), anew": (api, anew(PAGE, token)),
        "last page, anew": (api, anew(f"{PAGE}&pagination.cursor={pages[-2]}", token)),
    }
    rates: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(ROUNDS + 1):
        for name, (port, sent) in asked.items():
            found = await rate(port, sent, SECONDS if number else WARM_UP_SECONDS)
            if number:
                rates[name].append(found)
    middle = {name: statistics.median(found) for name, found in rates.items()}
    beside = {name: statistics.median(map(_ratio, rates[name], rates["empty"])) for name in asked}
    flat = statistics.median(map(_ratio, rates["listSources(200), anew"], rates["last page, anew"]))
    return [
        Figure("empty FastAPI route", middle["empty"], "requests/s"),
        Figure("getSource", middle["getSource"], "requests/s"),
        at_least("getSource beside it", beside["getSource"], 0.35, "of it"),
        Figure("getSource that was not asked before, beside it", beside["getSource, anew"], "of it"),
        Figure("listSources(200)", middle["listSources(200)"], "requests/s"),
        at_least("listSources(200) beside it", beside["listSources(200)"], 0.10, "of it"),
        Figure("listSources(200) that was not asked before, beside it", beside["listSources(200), anew"], "of it"),
        at_most("last full page of 10,000 sources, time", flat, 1.5, "of the first", f"{len(pages)} pages"),
    ]


def _ratio(one: float, other: float) -> float:
    return one / other


def run() -> list[Figure]:
    api, empty = free_port(), free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        command = [sys.executable, "-m", "bench.api_server", folder, str(api), str(empty), str(SOURCES)]
        server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd()))
        stack.callback(server.terminate)
        assert server.stdout is not None
        lines = iter(server.stdout.readline, b"")
        token = next(json.loads(line)["token"] for line in lines if line.startswith(b"{"))
        _wait(api)
        _wait(empty)
        return asyncio.run(measure(api, empty, token))


def _wait(port: int) -> None:
    """Until it takes connections."""
    deadline = time.monotonic() + 20
    while not is_listening(port):
        assert time.monotonic() < deadline, f"nothing listens on {port}"
        time.sleep(0.05)
