"""A real nats-server for tests: one per module, in a directory of its own, killed and started again at will."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from penstock.infra.log import Log
from penstock.infra.log.server import EmbeddedServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """A running server shared by a module: `.url`, `.token`, `.pid`; leave it running."""
    server = EmbeddedServer(Path(tmp_path_factory.mktemp("nats")))
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture
async def own_nats_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A running server of one test's own, to be killed (`await .kill()`) and started again (`await .start()`)."""
    server = EmbeddedServer(tmp_path / "nats")
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture
async def log(nats_server: EmbeddedServer) -> AsyncIterator[Log]:
    """A connection of one test's own to the module's server."""
    connected = await Log.connect(nats_server.url, token=nats_server.token, name="test")
    yield connected
    await connected.close()


T = TypeVar("T")


async def take(messages: AsyncGenerator[T, None], count: int, *, seconds: float = 10.0) -> list[T]:
    """The next `count` of an endless generator, which is then closed. Fails after `seconds`."""
    async with asyncio.timeout(seconds), aclosing(messages):
        return [await anext(messages) for _ in range(count)]
