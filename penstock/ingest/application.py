"""The RSGI application of the public port: collection here, health and metrics here, all else to the control API."""

import asyncio
import contextlib
import os
from collections.abc import Callable

import msgspec
import structlog

from penstock.infra.disk import DiskWatch
from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import close_connections, failed, with_close
from penstock.ingest.body import overdue
from penstock.ingest.browser import BrowserRoutes
from penstock.ingest.frame_writer import FrameWriter
from penstock.ingest.functions import FunctionEndpoint
from penstock.ingest.keys import StrictKeys
from penstock.ingest.limits import Allowance
from penstock.ingest.peers import Peers
from penstock.ingest.proxy import ControlProxy
from penstock.ingest.rsgi import Exchange, HeaderList, Scope
from penstock.ingest.tracking import ROUTES, Tracking
from penstock.ingest.upstream import Upstream
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.calls import RoleStatus, StatusReport
from penstock.spec.disk import DiskReport, Level

logger = structlog.get_logger(__name__)

_JSON: HeaderList = [("content-type", "application/json"), ("cache-control", "no-store")]
_TEXT: HeaderList = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]


class Edge:
    """All that the edge's process serves. `__call__` is what the server runs for each request."""

    def __init__(
        self,
        log: Log,
        view: SnapshotView,
        tracking: Tracking,
        writers: list[FrameWriter],
        browser: BrowserRoutes,
        functions: FunctionEndpoint,
        proxy: ControlProxy,
        clock: Clock,
        body_seconds: float,
    ) -> None:
        self._log = log
        self._view = view
        self._tracking = tracking
        self._writers = writers
        self._browser = browser
        self._functions = functions
        self._proxy = proxy
        self._started_at = clock.now_ms()
        self._in_flight = 0
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._overdue = asyncio.create_task(overdue.run(body_seconds), name="overdue readings")
        self._own: dict[str, Callable[[Exchange], None]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    def begin(self, scope: Scope, exchange: Exchange) -> bool:
        """Take a request on the server's own thread, where that is possible; else it is for `__call__`."""
        call = ROUTES.get(scope.path)
        return call is not None and self._tracking.begin(scope, exchange, call)

    async def __call__(self, scope: Scope, exchange: Exchange) -> None:
        self._in_flight += 1
        try:
            path = scope.path
            if (call := ROUTES.get(path)) is not None:
                await self._tracking.answer(scope, exchange, call)
            elif (own := self._own.get(path)) is not None:
                own(exchange)
            elif self._functions.claims(scope):
                await self._functions.answer(scope, exchange)
            elif self._browser.claims(path):
                await self._browser.answer(scope, exchange)
            else:
                await self._proxy.answer(scope, exchange)
        except asyncio.CancelledError:
            # The client has gone, and the server cancels its request. What was submitted is stored all the same.
            logger.debug("A client went before its answer.", path=scope.path)
        except Exception as error:  # noqa: BLE001 - the outermost place of a request
            failed(error, scope, exchange)
        finally:
            self._in_flight -= 1
            if self._is_stopping and not self._in_flight:
                self._idle.set()

    def end_streams(self) -> None:
        """Before a stop: a client that watches the live view would hold it up to its deadline."""
        self._proxy.end_streams()

    async def leave(self, seconds: float) -> None:
        """Take requests for so long and say that the edge is going: in readiness, and to each connection."""
        self._is_stopping = True
        close_connections()
        if seconds:
            logger.info("The edge leaves.", seconds=seconds)
            await asyncio.sleep(seconds)

    def is_idle(self) -> bool:
        """Whether nobody waits for an answer of ours, and none sends what we would answer."""
        return not self._in_flight and not self._tracking.waiting and not overdue.is_reading

    async def drain(self, seconds: float) -> None:
        """Return when every request is answered, or after `seconds`."""
        self._is_stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self._in_flight:
                    await self._idle.wait()
                await self._tracking.settled()
        if left := self._in_flight + self._tracking.waiting:
            logger.warning("Requests are left unanswered at the stop.", count=left)

    async def close(self) -> None:
        self._overdue.cancel()
        for writer in self._writers:
            await writer.close()
        self._proxy.close()

    def reasons(self) -> list[str]:
        """Why the edge is not ready; empty when it is."""
        reasons = [] if self._log.is_connected else ["the log engine is not connected"]
        reasons += [] if self._view.is_ready else ["snapshots are not loaded"]
        disk = self._tracking.allowance.disk
        if disk is not None and (full := disk.reason(Level.FULL)):
            reasons.append(full)
        return [*reasons, "the edge is stopping"] if self._is_stopping else reasons

    async def status(self, _call: RoleStatus) -> StatusReport:
        reasons = self.reasons()
        return StatusReport(
            role="edge",
            state="failing" if reasons else "ready",
            reasons=reasons,
            pid=os.getpid(),
            started_at=self._started_at,
            counts=self._counts(),
            details={
                "unknownKeys": dict(self._tracking.allowance.unknown.counts),
                "writers": [writer.writer for writer in self._writers],
                **({"disk": room.told()} if (room := self._room()) else {}),
            },
        )

    def _counts(self) -> dict[str, int]:
        tracking = self._tracking
        return {
            "events": tracking.accepted,
            "requests": tracking.requests,
            "frames": sum(writer.frames for writer in self._writers),
            "incarnations": sum(writer.incarnations for writer in self._writers),
            "waiting_bytes": tracking.waiting_bytes,
            **{f"refused.{code}": count for code, count in tracking.refused.items()},
        }

    def _room(self) -> DiskReport | None:
        disk = self._tracking.allowance.disk
        return disk.known if disk else None

    def _healthz(self, exchange: Exchange) -> None:
        exchange.response_bytes(200, with_close(_JSON), b'{"status":"ok"}')

    def _readyz(self, exchange: Exchange) -> None:
        reasons = self.reasons()
        body = msgspec.json.encode({"ready": not reasons, "reasons": reasons})
        exchange.response_bytes(503 if reasons else 200, with_close(_JSON), body)

    def _metrics(self, exchange: Exchange) -> None:
        room = self._room()
        free = {"disk_free_bytes": room.free, "disk_mark_bytes": room.mark} if room else {}
        exchange.response_bytes(200, with_close(_TEXT), metrics_text(self._counts() | free).encode())


_GAUGES = frozenset({"waiting_bytes", "disk_free_bytes", "disk_mark_bytes"})


def metrics_text(counts: dict[str, int]) -> str:
    """The counts in the Prometheus text format; refusals are one metric with a label."""
    lines = []
    for name, count in counts.items():
        if name in _GAUGES:
            lines += [f"# TYPE penstock_edge_{name} gauge", f"penstock_edge_{name} {count}"]
        elif not name.startswith("refused."):
            lines += [f"# TYPE penstock_edge_{name}_total counter", f"penstock_edge_{name}_total {count}"]
    lines.append("# TYPE penstock_edge_refused_total counter")
    for name, count in counts.items():
        if name.startswith("refused."):
            lines.append(f'penstock_edge_refused_total{{code="{name.removeprefix("refused.")}"}} {count}')
    return "\n".join(lines) + "\n"


def build_edge(
    settings: Settings, log: Log, view: SnapshotView, disk: DiskWatch, clock: Clock, control_port: int
) -> Edge:
    """An edge that takes requests at once; its writers are running."""
    peers = Peers(settings.trusted_proxies)
    writers = [FrameWriter(log, shard, settings.frame_bytes) for shard in range(settings.shards)]
    strict = StrictKeys(view) if settings.strict_write_keys else None
    tracking = Tracking(writers, view, Allowance(settings, clock, disk), peers, clock, strict)
    browser = BrowserRoutes(tracking, view, peers, settings.public_url)
    proxy = ControlProxy(Upstream("127.0.0.1", control_port), peers)
    return Edge(
        log, view, tracking, writers, browser, FunctionEndpoint(tracking, clock), proxy, clock, settings.body_seconds
    )
