"""Waits until every role says that it is ready, and learns the keys that the first run made."""

import asyncio
import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

START_SECONDS = 60.0
_POLL_SECONDS = 0.05


class ReadyTimeout(Exception):  # noqa: N818 - the consequence is in the name
    """The tree did not get ready in time; the message names the roles that hold it up."""


class FirstRun(msgspec.Struct, frozen=True):
    """The Public API token and the write key that the first run made."""

    token: str
    write_key: str


async def wait_until_ready(control: str, url: str, token: str, failing: Callable[[], str]) -> FirstRun:
    """Ask the control API until every role is ready, then the public address for the keys. Raises ReadyTimeout."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    reasons: Any = "nobody answers"
    while loop.time() < deadline:
        status, answer = await asyncio.to_thread(_get, control, "/penstock/status", token)
        if status == 200 and answer.get("healthy"):
            status, answer = await asyncio.to_thread(_get, url, "/penstock/first-run", token)
            if status == 200:
                return FirstRun(answer["token"], answer["writeKey"])
        reasons = answer or reasons
        await asyncio.sleep(_POLL_SECONDS)
    raise ReadyTimeout(f"not ready after {START_SECONDS:.0f} s (failing: {failing() or 'none'}): {reasons}")


def _get(url: str, path: str, token: str) -> tuple[int, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    except (OSError, ValueError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()
