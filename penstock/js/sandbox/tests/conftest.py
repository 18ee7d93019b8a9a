"""Sandboxes of real Deno whose requests to the outside are refused."""

import pytest

from penstock.js.sandbox import Limits, Sandbox

REFUSED = {"error": {"message": "refused by the outbound policy", "type": "system", "code": "EACCES"}}


async def refuse(_):
    return REFUSED


@pytest.fixture
async def begin():
    """Starts sandboxes, and ends them after the test."""
    made = []

    async def started(code, *, kind="DESTINATION", fetcher=refuse, **limits):
        made.append(await Sandbox.start(kind, code, fetcher, Limits(**limits)))
        return made[-1]

    yield started
    for sandbox in made:
        await sandbox.close()
