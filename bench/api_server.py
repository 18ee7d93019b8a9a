"""What `bench.api` measures: the control plane's API and an empty FastAPI route, on two ports of one process."""

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from fastapi import FastAPI
from sqlalchemy import insert

from penstock.api.limits import RateLimiter
from penstock.api.router import Api
from penstock.api.unit import Services
from penstock.infra.db import Database, sqlite_url
from penstock.infra.migrations import upgrade
from penstock.infra.secrets import Sealer
from penstock.kit.clock import SystemClock
from penstock.processes.embedded_http import serve_http
from penstock.resources.application import build_application
from penstock.resources.slices import contributions, reactions, scopes
from penstock.resources.sources.table import sources, write_keys
from penstock.resources.workspaces.bootstrap import FirstRun, bootstrap


def empty_route() -> FastAPI:
    application = FastAPI()

    @application.get("/")
    async def nothing() -> dict[str, str]:
        return {}

    return application


async def fill(database: Database, workspace_id: str, count: int) -> None:
    """Sources as the API makes them, a thousand to a statement."""
    rows = [
        {
            "id": f"source-{number:06}",
            "workspace_id": workspace_id,
            "version": 1,
            "slug": f"slug-{number}",
            "name": f"Source {number}",
            "metadata_id": "iUM16Md8P2",
            "enabled": True,
            "settings": "{}",
            "schema_name": f"schema_{number}",
            "created_at": 1_700_000_000_000 + number,
            "event_rate": 0,
            "ip": "keep",
        }
        for number in range(count)
    ]
    keys = [
        {"write_key": f"key-{row['id']}", "workspace_id": workspace_id, "source_id": row["id"], "position": 0}
        for row in rows
    ]
    async with database.writing() as connection:
        await connection.execute(insert(sources), rows)
        await connection.execute(insert(write_keys), keys)


async def published(_: int) -> None:
    """Nothing is changed here."""


async def serve(folder: Path, api_port: int, empty_port: int, count: int) -> None:
    url = sqlite_url(folder / "control.sqlite")
    await asyncio.to_thread(upgrade, url)
    database, clock = Database(url), SystemClock(0)
    services = Services(Sealer(b"k" * 32), clock, reactions(), contributions(), scopes())
    first_run: FirstRun = await bootstrap(database, services, "Bench")
    await fill(database, first_run.workspace_id, count)
    api = Api(database, services, RateLimiter(clock, 0), published)
    sys.stdout.write(json.dumps({"token": first_run.token}) + "\n")
    sys.stdout.flush()
    await asyncio.gather(serve_http(build_application(api, []), api_port), serve_http(empty_route(), empty_port))


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), *map(int, sys.argv[2:])))
