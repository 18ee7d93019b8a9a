"""A built bundle, a pool that may call loopback, and a receiver: the real parts, only the outside is ours."""

import json

import pytest

from penstock.infra.http import OutboundPolicy
from penstock.js import Operation, PoolSettings, RunnerPool, RunnerRequest, verdicts
from penstock.js.build import build
from penstock.testing.receiver import Receiver

WEBHOOK = "614a3c7d791c91c41bae7599"


@pytest.fixture(scope="session")
def bundle():
    return build()


@pytest.fixture
async def pool(bundle):
    async with RunnerPool(OutboundPolicy(own_ports=(8280,)), PoolSettings(runners=1), bundle) as runners:
        yield runners


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


def webhook(url, *, events=({"type": "track", "event": "Order Completed", "userId": "u-1"},), **given):
    mapping = {"url": url, "method": "POST", "data": {"@path": "$."}, **given.pop("mapping", {})}
    defaults = {
        "operation": Operation.EVENT,
        "metadata_id": WEBHOOK,
        "action": "send",
        "trigger": 'type = "track"',
        "mapping": json.dumps(mapping).encode(),
        "events": [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events],
    }
    return RunnerRequest(**{**defaults, **given})


@pytest.fixture
def attempt(pool):
    async def judged(request):
        return verdicts(await pool.call(request), len(request.events))

    return judged


@pytest.fixture
def webhook_request():
    return webhook
