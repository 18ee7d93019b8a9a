"""What every role process does the same way: settings, logs, the log engine, a stop signal, death with its parent."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import msgspec
import structlog
import uvloop

from penstock.infra.log import Log
from penstock.infra.telemetry import configure_logging
from penstock.kit.clock import Clock, SystemClock
from penstock.kit.parent import PARENT_VARIABLE, die_with_parent
from penstock.kit.settings import Settings, load

logger = structlog.get_logger(__name__)


class Role(msgspec.Struct, frozen=True):
    """What a role is given. `stop` is set by SIGTERM or SIGINT; the role then drains and returns."""

    name: str
    settings: Settings
    clock: Clock
    log: Log
    stop: asyncio.Event


Serve = Callable[[Role], Awaitable[None]]


def run_role(name: str, serve: Serve) -> None:
    """Run one role until it is told to stop. A role that fails ends with status 1 and its supervisor restarts it."""
    if PARENT_VARIABLE in os.environ:
        die_with_parent()
    settings, _ = load({}, os.environ, None)
    configure_logging(name, settings.log_format)
    try:
        uvloop.run(_run(name, settings, serve))
    except Exception:
        logger.exception("Role failed.")
        sys.exit(1)


async def _run(name: str, settings: Settings, serve: Serve) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock(round(settings.clock_offset_hours * 3_600_000))
    log = await Log.connect(settings.nats_url, token=settings.nats_token, name=name)
    try:
        await serve(Role(name, settings, clock, log, stop))
    finally:
        await log.close()


async def run_until_stopped(stop: asyncio.Event, *parts: Awaitable[None]) -> None:
    """Run the parts side by side until `stop` is set; the first that fails ends all and is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
