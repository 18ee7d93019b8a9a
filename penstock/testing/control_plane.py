"""A control plane for tests, in this process: the real application on a real database, asked over ASGI."""

from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from penstock.api.auth import NewToken, insert_token
from penstock.api.limits import RateLimiter
from penstock.api.outbox import outbox
from penstock.api.router import Api
from penstock.api.unit import Services
from penstock.infra.calls import RoleDown
from penstock.infra.db import Database, sqlite_url
from penstock.infra.secrets import Sealer
from penstock.kit.clock import ManualClock
from penstock.resources.application import build_application
from penstock.resources.slices import contributions, reactions, scopes
from penstock.resources.workspaces.bootstrap import FirstRun, bootstrap
from penstock.spec.calls import Call, ParseReport, ValidationReport
from penstock.spec.snapshot import Snapshot, SnapshotEnvelope, decode_snapshot

R = TypeVar("R")
V1 = "application/vnd.segment.v1+json"
ALPHA = "application/vnd.segment.v1alpha+json"


class RolesForTests:
    """Answers what the data plane would, where nobody runs it. `replies` by the name of the call; else nobody is up."""

    def __init__(self) -> None:
        self.replies: dict[str, Any] = {"ValidateWarehouse": ValidationReport(), "ParseFunction": ParseReport()}
        self.asked: list[Call] = []

    async def ask(self, call: Call, reply_type: type[R], *, deadline_seconds: float) -> R:
        del deadline_seconds
        self.asked.append(call)
        reply = self.replies.get(type(call).__name__)
        if not isinstance(reply, reply_type):
            raise RoleDown(call.ROLE)
        return reply


def client_of(api: Api) -> httpx.AsyncClient:
    """Asks the operations as they are now."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(build_application(api, [])), base_url="http://control")


class ControlPlaneForTests:
    """What tests ask and look at. `published` are the outbox numbers that answers waited for."""

    def __init__(self, database: Database, clock: ManualClock, rate_factor: float) -> None:
        self.database = database
        self.clock = clock
        self.sealer = Sealer(b"k" * 32)
        self.roles = RolesForTests()
        self.services = Services(self.sealer, clock, reactions(), contributions(), scopes(), self.roles)
        self.published: list[int] = []
        self.tokens: dict[str, str] = {}
        self.api = Api(database, self.services, RateLimiter(clock, rate_factor), self._published)
        self.client = client_of(self.api)
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
            await insert_token(connection, token, NewToken(workspace, "test", permissions), self.clock.now_ms())
        return f"Bearer {token}"

    async def join(self, email: str) -> str:
        """Let somebody who is invited join; returns the id, and keeps the token in `tokens`."""
        made = await self.data("POST", "/penstock/invites/token", {"email": email})
        authorization = f"Bearer {made['invite']['token']}"
        joined = await self.data("POST", "/penstock/invites/accept", {}, authorization=authorization)
        self.tokens[email] = f"Bearer {joined['token']}"
        return str(joined["user"]["id"])

    async def outbox(self) -> list[tuple[SnapshotEnvelope, Snapshot | None]]:
        """What transactions left for the publisher, in order."""
        async with self.database.reading() as connection:
            rows = await connection.execute(outbox.select().order_by(outbox.c.number))
            return [decode_snapshot(row.payload) for row in rows]


class Begun(msgspec.Struct, frozen=True):
    """A SQLite file after its first run."""

    file: Path
    first_run: FirstRun


async def begun_in(file: Path) -> Begun:
    """Its first run, in a database that was migrated."""
    database = Database(sqlite_url(file))
    first_run = await first_run_of(ControlPlaneForTests(database, ManualClock(), rate_factor=1.0))
    await database.close()
    return Begun(file, first_run)


async def first_run_of(plane: ControlPlaneForTests) -> FirstRun:
    return await bootstrap(plane.database, plane.services, "Test workspace")
