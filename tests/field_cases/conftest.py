"""The official code in a real runner, which may call a receiver on loopback."""

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
async def send(bundle):
    """Sends one event through the Webhook's action; returns the body that arrived, or None where none did."""
    with Receiver() as receiver:
        async with RunnerPool(OutboundPolicy(own_ports=(1,)), PoolSettings(runners=1), bundle) as pool:

            async def sent(event, trigger='type = "track" or type = "identify"', data=None):
                before = len(receiver.requests)
                mapping = {"url": receiver.url, "method": "POST", "data": data or {"@path": "$."}}
                request = RunnerRequest(
                    operation=Operation.EVENT,
                    metadata_id=WEBHOOK,
                    action="send",
                    trigger=trigger,
                    mapping=json.dumps(mapping).encode(),
                    events=[json.dumps(event).encode()],
                )
                verdicts(await pool.call(request), 1)
                arrived = receiver.requests[before:]
                return arrived[0].json() if arrived else None

            yield sent
