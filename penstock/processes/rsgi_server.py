"""Granian's RSGI worker inside our own event loop and process: no second process to outlive us, no shared port.

Granian's own servers start the worker in a child process or, embedded, in a thread with a dearer way to the loop. This
runs the worker that the child would run, on a socket of our own; hence the exact pin of the version.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from granian import _granian
from granian._futures import _future_watcher_wrapper, _new_cbscheduler
from granian.http import HTTP1Settings

# What the package says of the types of its compiled half is not what the half takes.
_compiled: Any = _granian
Application = Callable[[Any, Any], Awaitable[None]]

BACKLOG = 1024
CONNECTIONS = 8192
"""Connections at once; idle ones that clients keep count too."""
_SPARE_FILES = 256


class RsgiServer:
    """Serves one application on one address from construction until `stop`."""

    def __init__(self, application: Application, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._socket = listening_socket(host, port)
        self._stopped = asyncio.Event()
        self._signal = _compiled.WorkerSignal()
        self._signal.add_cb(lambda: loop.call_soon_threadsafe(self._stopped.set))
        holder = _compiled.SocketHolder(self._socket.fileno(), False, BACKLOG)
        worker = _worker(holder)
        scheduler = _new_cbscheduler(loop, _future_watcher_wrapper(application), impl_asyncio=True)
        worker.serve_str(scheduler, loop, self._signal)

    async def stop(self, seconds: float) -> None:
        """Take no more connections, let those in work end, for `seconds` at most."""
        self._signal.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)


def _worker(holder: Any) -> Any:
    no_tls: tuple[Any, ...] = (False, None, None, None, "tls1.3", None, [], False)
    no_metrics = (None, None)
    connections = min(CONNECTIONS, open_files() - _SPARE_FILES)
    return _compiled.RSGIWorker(
        1, (None, holder), None, 1, 8, 1, 30, connections, "1", HTTP1Settings(), None, False, None, *no_tls, no_metrics
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound without SO_REUSEPORT: a second server on the port is refused, never given a share of its requests."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def open_files() -> int:
    """The limit of open files, raised as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, CONNECTIONS + _SPARE_FILES) if hard != resource.RLIM_INFINITY else CONNECTIONS + _SPARE_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft
