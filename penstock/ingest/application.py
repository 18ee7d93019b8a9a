"""The RSGI application of the public port: collection here, health and metrics here, all else to the control API."""

import asyncio
import contextlib
import os
from collections.abc import Callable

import msgspec
import structlog

from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import Refusal, answer_headers
from penstock.ingest.frame_writer import FrameWriter
from penstock.ingest.keys import UnknownKeys
from penstock.ingest.peers import Peers
from penstock.ingest.proxy import ControlProxy
from penstock.ingest.rsgi import Exchange, HeaderList, Scope
from penstock.ingest.tracking import ROUTES, Tracking
from penstock.ingest.upstream import Upstream
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.calls import RoleStatus, StatusReport

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
        proxy: ControlProxy,
        clock: Clock,
    ) -> None:
        self._log = log
        self._view = view
        self._tracking = tracking
        self._writers = writers
        self._proxy = proxy
        self._started_at = clock.now_ms()
        self._in_flight = 0
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._own: dict[str, Callable[[Exchange], None]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    async def __call__(self, scope: Scope, exchange: Exchange) -> None:
        self._in_flight += 1
        try:
            path = scope.path
            if (call := ROUTES.get(path)) is not None:
                await self._tracking.answer(scope, exchange, call)
            elif (own := self._own.get(path)) is not None:
                own(exchange)
            else:
                await self._proxy.answer(scope, exchange)
        except asyncio.CancelledError:
            # The client has gone, and the server cancels its request. What was submitted is stored all the same.
            logger.debug("A client went before its answer.", path=scope.path)
        except Exception as error:  # noqa: BLE001 - the outermost place of a request
            _failed(error, scope, exchange)
        finally:
            self._in_flight -= 1
            if self._is_stopping and not self._in_flight:
                self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Return when every request is answered, or after `seconds`."""
        self._is_stopping = True
        if self._in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)
        if self._in_flight:
            logger.warning("Requests are left unanswered at the stop.", count=self._in_flight)

    async def close(self) -> None:
        for writer in self._writers:
            await writer.close()
        self._proxy.close()

    def reasons(self) -> list[str]:
        """Why the edge is not ready; empty when it is."""
        reasons = [] if self._log.is_connected else ["the log engine is not connected"]
        reasons += [] if self._view.is_ready else ["snapshots are not loaded"]
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
                "unknownKeys": dict(self._tracking.unknown.counts),
                "writers": [writer.writer for writer in self._writers],
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

    def _healthz(self, exchange: Exchange) -> None:
        exchange.response_bytes(200, _JSON, b'{"status":"ok"}')

    def _readyz(self, exchange: Exchange) -> None:
        reasons = self.reasons()
        body = msgspec.json.encode({"ready": not reasons, "reasons": reasons})
        exchange.response_bytes(503 if reasons else 200, _JSON, body)

    def _metrics(self, exchange: Exchange) -> None:
        exchange.response_bytes(200, _TEXT, metrics_text(self._counts()).encode())


def _failed(error: Exception, scope: Scope, exchange: Exchange) -> None:
    if type(error).__name__.startswith(_CLIENT_GONE):
        logger.debug("A client went before its answer.", path=scope.path)
        return
    logger.error("A request failed.", path=scope.path, exc_info=error)
    refusal = Refusal(500, "internal", "Internal error")
    with contextlib.suppress(RuntimeError):  # the answer may have begun
        exchange.response_bytes(refusal.status, answer_headers(scope.headers), refusal.body())


_CLIENT_GONE = "RSGIProtocol"
"""How the names of the server's exceptions begin; it is not imported here."""
_GAUGES = frozenset({"waiting_bytes"})


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


def build_edge(settings: Settings, log: Log, view: SnapshotView, clock: Clock, control_port: int) -> Edge:
    """An edge that takes requests at once; its writers are running."""
    peers = Peers(settings.trusted_proxies)
    writers = [FrameWriter(log, shard, settings.frame_bytes) for shard in range(settings.shards)]
    unknown = UnknownKeys(settings.unknown_key_rate, clock)
    tracking = Tracking(writers, view, unknown, peers, clock)
    proxy = ControlProxy(Upstream("127.0.0.1", control_port), peers)
    return Edge(log, view, tracking, writers, proxy, clock)
