"""What a peer has not taken, told by the kernel."""

import asyncio
import socket

import pytest

from penstock.infra.http import SendQueue
from penstock.infra.http.send_queue import UNTAKEN_LIMIT


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request):
    """A connection: our end, the peer's end, and the peer's address."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as server:
        peer = socket.create_connection(server.getsockname()[:2])
        ours, address = server.accept()
        ours.setblocking(False)
        yield ours, peer, f"[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else f"{address[0]}:{address[1]}"
        ours.close()
        peer.close()


def fill(ours):
    try:
        while True:
            ours.send(b"x" * 65_536)
    except BlockingIOError:
        return


async def test_a_peer_that_does_not_read_has_no_room_until_it_does(pair):
    ours, peer, address = pair
    with SendQueue(address) as queue:
        await queue.room(0.1)
        fill(ours)
        with pytest.raises(TimeoutError):
            await queue.room(0.1)
        waiting = asyncio.create_task(queue.room(5))
        peer.setblocking(False)
        async with asyncio.timeout(30):
            while not waiting.done():
                try:
                    peer.recv(1 << 20)
                except BlockingIOError:
                    pass
                await asyncio.sleep(0)
        await waiting


async def test_a_connection_that_is_gone_holds_nobody_up():
    with SendQueue("127.0.0.1:1") as queue:
        await queue.room(0.1)
    assert UNTAKEN_LIMIT < 1 << 20
