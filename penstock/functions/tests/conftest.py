"""Functions on real processes; requests to the outside go to a receiver on loopback."""

import json

import pytest

from penstock.functions.instance import Program, Work
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.testing.receiver import Receiver

SMALL = FunctionSettings(megabytes=200)


@pytest.fixture
async def pool():
    async with FunctionPool(OutboundPolicy(), SMALL) as functions:
        yield functions


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


@pytest.fixture
def run(pool):
    """Run the body of `onTrack`, or whole code, on an event."""

    async def ran(body, event=None, *, place="place", handler="onTrack", kind="DESTINATION", settings=None, **work):
        code = body if "onTrack" in body else f"async function onTrack(event, settings) {{ {body} }}"
        given = json.dumps(event or {"type": "track"}).encode()
        wanted = Work(handler, given, json.dumps(settings or {}).encode(), **work)
        return await pool.run(place, Program(kind, code), wanted)

    return ran
