"""Waits until every role says that it is ready, and learns the keys that the first run made."""

import asyncio
import http.client
import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog

from penstock.client.connecting import connection_to

logger = structlog.get_logger(__name__)

START_SECONDS = 60.0
_POLL_SECONDS = 0.05


class ReadyTimeout(Exception):  # noqa: N818 - the consequence is in the name
    """The tree did not get ready in time; the message names the roles that hold it up."""


class StartRefused(ReadyTimeout):
    """A role refuses its settings: waiting would not help."""


class FirstRun(msgspec.Struct, frozen=True):
    """The Public API token and the write key that the first run made."""

    token: str
    write_key: str


async def wait_until_ready(
    control: str, url: str, certificate: str, token: str, failing: Callable[[], str], short: Callable[[], str]
) -> FirstRun:
    """Ask the control API until every role is ready, then the public address for the keys. Raises ReadyTimeout.

    `failing` is asked at each turn, and may end the waiting by raising.
    While the disk is `short`, roles that run say that they are not ready: for room it waits as long as it takes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    reasons: Any = "nobody answers"
    waits = failed = ""
    while loop.time() < deadline:
        failed = failing()
        if reason := short():
            deadline = loop.time() + START_SECONDS
            if not waits:
                logger.warning("The start waits for room on disk.", reason=reason)
        waits = reason
        status, answer = await asyncio.to_thread(_get, connection_to(control, "", 5), "/penstock/status", token)
        if status == 200 and answer.get("healthy"):
            public = connection_to(url, certificate, 5)
            status, answer = await asyncio.to_thread(_get, public, "/penstock/first-run", token)
            if status == 200:
                return FirstRun(answer["token"], answer["writeKey"])
        reasons = answer or reasons
        await asyncio.sleep(_POLL_SECONDS)
    raise ReadyTimeout(f"not ready after {START_SECONDS:.0f} s (failing: {failed or 'none'}): {reasons}")


def _get(connection: http.client.HTTPConnection, path: str, token: str) -> tuple[int, Any]:
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    except (OSError, ValueError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


async def unless_stopped(stop: asyncio.Event, work: Coroutine[None, None, FirstRun]) -> FirstRun | None:
    """What `work` returns, or None where the stop came first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None
