"""The control process: the Public API on loopback, the publisher of snapshots and the fold, on one database."""

import asyncio
import os
from functools import partial
from pathlib import Path

import msgspec

from penstock.api.limits import RateLimiter
from penstock.api.retention import forget_old
from penstock.api.router import Api
from penstock.api.unit import Services
from penstock.infra.calls import CallClient, CallServer, Streams
from penstock.infra.db import Database, sqlite_url
from penstock.infra.migrations import upgrade
from penstock.infra.secrets import Sealer, SealError
from penstock.kit.settings import Settings, SettingsError
from penstock.processes.announcing import announce_listening
from penstock.processes.embedded_http import serve_http
from penstock.processes.environment import LOCAL_TOKEN_VARIABLE, PORT_VARIABLE, mailer, public_url
from penstock.processes.role import Role, run_role, run_until_stopped
from penstock.resources.application import Asgi, build_application
from penstock.resources.delivery_overview import Fold, select_watermarks
from penstock.resources.installation import FirstRunKeys, Installation
from penstock.resources.publish import Publisher
from penstock.resources.regulations import Deleting, Execution, Folding
from penstock.resources.rotation import rotate_key
from penstock.resources.slices import contributions, kept, reactions, scopes, select_snapshots
from penstock.resources.workspaces.bootstrap import FirstRun, bootstrap
from penstock.spec.calls import RoleStatus, StatusReport

BEHIND_SECONDS = 5.0
"""A change may wait as long for being published before the status tells."""


def main() -> None:
    run_role("control", serve)


async def serve(role: Role) -> None:
    """Migrate, make the first run's keys, then serve until stopped. Neither needs the log to answer."""
    url = database_url(role.settings)
    await asyncio.to_thread(upgrade, url)
    database = Database(url)
    try:
        await ControlPlane(role, database).run()
    finally:
        await database.close()


def database_url(settings: Settings) -> str:
    return settings.database_url or sqlite_url(Path(settings.data).absolute() / "control.sqlite")


class ControlPlane:
    """The parts of the control process, built from its role."""

    def __init__(self, role: Role, database: Database) -> None:
        self._role = role
        self._database = database
        self._started_at = role.clock.now_ms()
        sealer = Sealer.load(Path(role.settings.data), os.environ)
        self._calls = CallClient(role.log)
        gathered = reactions(), contributions(), scopes()
        outside = mailer(role.settings), public_url(role.settings)
        raised = role.settings.function_batch_events
        self._services = Services(sealer, role.clock, *gathered, self._calls, *outside, raised)
        self._publisher = Publisher(database, role.log, sealer, select_snapshots)
        self._rotate = partial(rotate_key, database, sealer, select_snapshots, self._publisher.published)
        self._streams = Streams(role.log)
        self._fold = Fold(database, role.log, role.clock)
        self._execution = Execution(database, sealer, role.clock)
        published = self._publisher.published
        self._folding = Folding(database, role.clock, published)
        self._deleting = Deleting(database, self._calls, role.settings, role.clock, published)

    async def run(self) -> None:
        first_run = await self._bootstrapped()
        server, port = CallServer(self._role.log, self._role.name), int(os.environ[PORT_VARIABLE])
        await server.answer(RoleStatus, self._answer_status)
        try:
            await run_until_stopped(
                self._role.stop,
                serve_http(self._application(first_run), port),
                self._publisher.run(),
                self._streams.serve(),
                self._fold.follow_facts(),
                announce_listening("control", port, token=first_run.token, write_key=first_run.write_key),
                forget_old(self._database, self._role.clock, kept()),
                self._execution.run(),
                self._folding.run(),
                self._deleting.run(),
                *(self._fold.follow_settled(shard) for shard in range(self._role.settings.shards)),
            )
        finally:
            await server.close()

    async def _bootstrapped(self) -> FirstRun:
        try:
            return await bootstrap(self._database, self._services, self._role.settings.workspace_name)
        except SealError as error:
            reason = "what this database holds was sealed with another key (see also `secret_key_previous`)"
            raise SettingsError("secret_key", "settings", reason) from error

    def _application(self, first_run: FirstRun) -> Asgi:
        role = self._role
        limiter = RateLimiter(role.clock, role.settings.api_rate_factor)
        api = Api(self._database, self._services, limiter, self._publisher.published)
        installation = Installation(
            self._database,
            self._calls,
            Path(role.settings.data),
            os.environ.get(LOCAL_TOKEN_VARIABLE, ""),
            self._status,
            FirstRunKeys(first_run.token, first_run.write_key),
            self._streams,
            role.settings.shards,
            role.clock,
            self._rotate,
        )
        return build_application(api, installation.routes())

    def _status(self) -> StatusReport:
        reasons = [f"{subject}: {reason}" for subject, reason in self._fold.alarms.items()]
        if not self._role.log.is_connected:
            reasons.append("the log engine is not connected")
        elif (seconds := self._publisher.behind_seconds()) > BEHIND_SECONDS:
            reasons.append(f"changes wait to be published since {seconds:.0f} s")
        state = "ready" if not reasons else "failing"
        if not reasons and not self._publisher.is_started:
            state, reasons = "starting", ["snapshots are compared"]
        lag, counts = {"changes": self._publisher.waiting}, {"published": self._publisher.count}
        return StatusReport(self._role.name, state, reasons, os.getpid(), self._started_at, lag, counts)

    async def _answer_status(self, _: RoleStatus) -> StatusReport:
        """With what is folded: retention keeps the reports above it."""
        async with self._database.reading() as connection:
            watermarks = await select_watermarks(connection)
        folded = {subject: watermark.sequence for subject, watermark in watermarks.items()}
        return msgspec.structs.replace(self._status(), details={"folded": folded})


if __name__ == "__main__":
    main()
