"""A control plane behind a real port, and the commands that ask it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from typer.testing import CliRunner, Result

from penstock.kit.ports import free_port
from penstock.processes.embedded_http import serve_http
from penstock.processes.ports import is_listening
from penstock.resources.application import build_application
from penstock.testing.control_plane import ControlPlaneForTests


class Commands:
    """Runs `penstock …` in a thread: the control plane is served by this one."""

    def __init__(self, control: ControlPlaneForTests, port: int) -> None:
        self.control = control
        self.environment = {"PENSTOCK_URL": f"http://127.0.0.1:{port}", "PENSTOCK_TOKEN": control.first_run.token}

    async def run(self, *arguments: str, text: str | None = None, **environment: str) -> Result:
        from penstock.cli.app import app

        self.control.clock.advance(0.001)
        given = self.environment | environment
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments), input=text, env=given))

    async def json(self, *arguments: str, **others: str) -> Any:
        result = await self.run(*arguments, **others)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    async def refused(self, *arguments: str, **others: str) -> str:
        result = await self.run(*arguments, **others)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        return result.stderr


@pytest_asyncio.fixture
async def commands(control: ControlPlaneForTests) -> AsyncIterator[Commands]:
    port = free_port()
    serving = asyncio.create_task(serve_http(build_application(control.api, []), port))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(is_listening, port):  # noqa: ASYNC110 - a port tells nobody
            await asyncio.sleep(0.01)
    yield Commands(control, port)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
