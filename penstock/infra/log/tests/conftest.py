"""A stream of each test's own, and a connection through a proxy that cuts."""

import secrets

import pytest

from penstock.infra.log import Log, StreamSpec
from penstock.testing.cutting_proxy import CuttingProxy


@pytest.fixture
async def stream(log):
    """(name, subject prefix) of a new stream in memory on the module's server."""
    subject = f"t{secrets.token_hex(6)}"
    await log.ensure_stream(StreamSpec(subject.upper(), (f"{subject}.>",), storage="memory"))
    return subject.upper(), subject


@pytest.fixture
async def proxy(nats_server):
    async with CuttingProxy(nats_server.port) as running:
        yield running


@pytest.fixture
async def far(nats_server, proxy):
    """A connection to the module's server through `proxy`."""
    connected = await Log.connect(f"nats://127.0.0.1:{proxy.port}", token=nats_server.token, name="far")
    yield connected
    await connected.close()
