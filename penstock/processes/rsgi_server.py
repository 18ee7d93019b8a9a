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

import structlog
from granian import _granian
from granian.http import HTTP1Settings, HTTP2Settings

from penstock.processes.public_port import Listening

# What the package says of the types of its compiled half is not what the half takes.
_compiled: Any = _granian
logger = structlog.get_logger(__name__)

Application = Callable[[Any, Any], Awaitable[None]]
Begin = Callable[[Any, Any], bool]
"""Takes a request on the server's thread, and says whether it has."""

BACKLOG = 1024
_SPARE_FILES = 256
_OLDEST_TLS = "tls1.2"


class RsgiServer:
    """Serves one application on one address from construction until `stop`: HTTP/1.1, and over TLS HTTP/2 too."""

    def __init__(self, application: Application, listening: Listening, begin: Begin | None = None) -> None:
        loop = asyncio.get_running_loop()
        # Handed over: the server closes it when it stops, and nobody else may.
        descriptor = listening_socket(listening.host, listening.port).detach()
        self._stopped = asyncio.Event()
        self._signal = _compiled.WorkerSignal()
        self._signal.add_cb(lambda: loop.call_soon_threadsafe(self._stopped.set))
        holder = _compiled.SocketHolder(descriptor, False, BACKLOG)
        _worker(holder, listening).serve_str(_scheduler(loop, application, begin), loop, self._signal)

    async def stop(self, seconds: float) -> None:
        """Take no more connections, let those in work end, for `seconds` at most."""
        self._signal.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()


def _scheduler(loop: asyncio.AbstractEventLoop, application: Application, begin: Begin | None) -> Any:
    """Brings a request from the server's thread to `begin`, or else as a task to the event loop.

    A task, and the two turns of the loop that it takes, cost more than all that the edge does with a small request. The
    package's own schedulers make one for each request, and answer 500 where it ends without an answer; here an answer
    may come after the task has ended.
    """
    made = _compiled.CallbackScheduler(loop, application, None, None, None)
    call_soon = loop.call_soon_threadsafe
    context = made._ctx  # noqa: SLF001

    def schedule(watcher: Any) -> None:
        try:
            if begin is not None and begin(watcher.scope, watcher.proto):
                return
        except Exception:
            # The thread that called cannot bear an error, and the application has the last word.
            logger.exception("A request could not be begun.")
        call_soon(run, watcher, context=context)

    def run(watcher: Any) -> None:
        watcher.taskref(loop.create_task(answer(watcher)))

    async def answer(watcher: Any) -> None:
        try:
            await application(watcher.scope, watcher.proto)
        except BaseException as error:  # noqa: BLE001 - the outermost place of a request
            watcher.err(error)

    made._schedule_fn = schedule  # noqa: SLF001 - how the package's own schedulers set it
    return made


def _worker(holder: Any, listening: Listening) -> Any:
    certificate, key = listening.certificate or None, listening.key or None
    # Without TLS nobody asks for HTTP/2, and waiting to see whether somebody does has no time limit.
    mode = "auto" if certificate else "1"
    tls: tuple[Any, ...] = (certificate is not None, certificate, key, None, _OLDEST_TLS, None, [], False)
    connections = min(listening.connections, open_files(listening.connections + _SPARE_FILES) - _SPARE_FILES)
    http1 = HTTP1Settings(header_read_timeout=listening.idle_seconds * 1_000)
    # Without a question now and then, a peer that went without a word would keep its connection for ever.
    http2 = HTTP2Settings(keep_alive_interval=listening.idle_seconds * 1_000, max_headers_size=64 * 1024)
    no_files, no_metrics, has_websockets = None, (None, None), False
    return _compiled.RSGIWorker(
        1,
        (None, holder),
        None,
        1,
        8,
        1,
        30,
        connections,
        mode,
        http1,
        http2,
        has_websockets,
        no_files,
        *tls,
        no_metrics,
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound without SO_REUSEPORT: a second server on the port is refused, never given a share of its requests."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host == "::":
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # both families, whatever the system's default
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def open_files(wanted: int) -> int:
    """The limit of open files, raised as far as this process may and `wanted` asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(hard, wanted)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft
