"""A control plane for tests, in this process: the real application on a real database, asked over ASGI."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from penstock.api.auth import insert_token
from penstock.api.limits import RateLimiter
from penstock.api.outbox import outbox
from penstock.api.router import Api
from penstock.api.unit import Services
from penstock.infra.db import Database, sqlite_url
from penstock.infra.migrations import upgrade
from penstock.infra.secrets import Sealer
from penstock.kit.clock import ManualClock
from penstock.resources.application import build_application
from penstock.resources.slices import reactions
from penstock.resources.workspaces.bootstrap import FirstRun, bootstrap
from penstock.spec.snapshot import Snapshot, SnapshotEnvelope, decode_snapshot

V1 = "application/vnd.segment.v1+json"
ALPHA = "application/vnd.segment.v1alpha+json"


class ControlPlaneForTests:
    """What tests ask and look at. `published` are the outbox numbers that answers waited for."""

    def __init__(self, database: Database, clock: ManualClock, rate_factor: float) -> None:
        self.database = database
        self.clock = clock
        self.sealer = Sealer(b"k" * 32)
        self.services = Services(self.sealer, clock, reactions())
        self.published: list[int] = []
        self.api = Api(database, self.services, RateLimiter(clock, rate_factor), self._published)
        transport = httpx.ASGITransport(build_application(self.api, []))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://control")
        self.first_run: FirstRun

    async def _published(self, number: int) -> None:
        self.published.append(number)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask with the first run's token; headers by their names with underscores."""
        given = {"authorization": f"Bearer {self.first_run.token}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.clock.advance(0.001)
        return await self.client.request(method, path, json=body, headers=given)

    async def data(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The `data` of an answer that must be a success."""
        answer = await self.ask(method, path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]

    async def token_with(self, *permissions: str, workspace_id: str = "") -> str:
        token = f"token-{'-'.join(permissions)}-{workspace_id}"
        async with self.database.writing() as connection:
            workspace = workspace_id or self.first_run.workspace_id
            await insert_token(connection, workspace, "test", token, list(permissions), self.clock.now_ms())
        return f"Bearer {token}"

    async def outbox(self) -> list[tuple[SnapshotEnvelope, Snapshot | None]]:
        """What transactions left for the publisher, in order."""
        async with self.database.reading() as connection:
            rows = await connection.execute(outbox.select().order_by(outbox.c.number))
            return [decode_snapshot(row.payload) for row in rows]


@pytest_asyncio.fixture
async def control(tmp_path: Path) -> AsyncIterator[ControlPlaneForTests]:
    """A fresh control plane after its first run; rate limits as stated."""
    url = sqlite_url(tmp_path / "control.sqlite")
    upgrade(url)
    database = Database(url)
    plane = ControlPlaneForTests(database, ManualClock(), rate_factor=1.0)
    plane.first_run = await bootstrap(database, plane.services, "Test workspace")
    yield plane
    await plane.client.aclose()
    await database.close()
