"""Closes connections over which nothing has come or gone for minutes.

The server times heads and bodies, but over TLS not a client that says nothing at all: it waits to learn which HTTP it
will hear. The kernel knows how long a connection has been silent. What is slow with a reason is never silent for so
long: calls end within five minutes, and streams send a sign of life.
"""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

logger = structlog.get_logger(__name__)

LONGEST_SILENCE = 330.0
_LAST_SENT, _LAST_RECEIVED = 44, 52
"""Offsets in the kernel's `tcp_info`, which only grows at its end."""
_SOCKETS = Path("/proc/self/fd")


async def close_silent_connections(
    port: int, seconds: float = LONGEST_SILENCE, unless: Callable[[], bool] = bool
) -> None:
    """Look now and then, for ever, and let be while `unless` says so: the kernel does not know who waits for an answer.

    Nor does it know of an answer that was given a moment ago and is not written yet: two looks in a row must agree.
    Where the kernel does not tell, nothing is done.
    """
    if sys.platform != "linux":
        return
    was_let_be = True
    while True:
        await asyncio.sleep(seconds / 5)
        is_let_be = unless()
        if not (is_let_be or was_let_be) and (closed := _close(port, seconds * 1000)):
            logger.info("Silent connections were closed.", count=closed)
        was_let_be = is_let_be


def _close(port: int, milliseconds: float) -> int:
    closed = 0
    for entry in _SOCKETS.iterdir():
        try:
            if not str(entry.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(entry.name))) as connection:
                if _is_silent(connection, port, milliseconds):
                    connection.shutdown(socket.SHUT_RDWR)
                    closed += 1
        except OSError:
            continue  # it ended meanwhile, or is of another kind
    return closed


def _is_silent(connection: socket.socket, port: int, milliseconds: float) -> bool:
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.getsockname()[1] != port:
        return False
    connection.getpeername()  # raises where it is the one that listens
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    sent, received = (struct.unpack_from("=I", told, offset)[0] for offset in (_LAST_SENT, _LAST_RECEIVED))
    return bool(min(sent, received) > milliseconds)
