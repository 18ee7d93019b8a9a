"""How much of what was sent to a peer it has not taken yet: the server takes any amount, and keeps it in memory.

Granian hands pieces of an answer to a queue without a bound. Whoever writes an answer that has no end asks here first,
so that a peer that does not read holds up its own answer, and nothing else.
"""

import asyncio
import fcntl
import os
import socket
import stat
import struct
import sys
import termios
from types import TracebackType
from typing import Self

UNTAKEN_LIMIT = 64 << 10
_LOOK_SECONDS = 0.02
_SO_NWRITE = 0x1024
"""What macOS calls it."""


class SendQueue:
    """Of the connection with one peer, for as long as the context is open."""

    def __init__(self, peer: str) -> None:
        """`peer` is `address:port`."""
        self._socket = _socket_with(peer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    async def room(self, seconds: float) -> None:
        """Return when the peer has taken what it was sent, but for a little. Raises TimeoutError."""
        if self._untaken() <= UNTAKEN_LIMIT:
            return
        async with asyncio.timeout(seconds):
            while self._untaken() > UNTAKEN_LIMIT:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(_LOOK_SECONDS)

    def _untaken(self) -> int:
        if self._socket is None:
            return 0
        if sys.platform == "darwin":
            return self._socket.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
        found: int = struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"\0" * 4))[0]
        return found


def _socket_with(peer: str) -> socket.socket | None:
    """A duplicate of our end of that connection; None where it is gone."""
    for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 - these are numbers, not paths
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if _is_with(found, peer):
            return found
        found.close()
    return None


def _is_with(connection: socket.socket, peer: str) -> bool:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        address, port, *_ = connection.getpeername()
    except OSError:
        return False
    return peer.endswith(f":{port}") and address in peer
