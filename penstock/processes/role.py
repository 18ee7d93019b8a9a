"""What every role process does the same way: settings, logs, the log engine, a stop signal, death with its parent."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import msgspec
import structlog
import uvloop

from penstock.infra.log import Log
from penstock.infra.telemetry import configure_logging
from penstock.kit.clock import Clock, SystemClock
from penstock.kit.parent import PARENT_VARIABLE, die_with_parent
from penstock.kit.settings import Settings, SettingsError, load
from penstock.processes import USUAL_THRESHOLDS
from penstock.processes.child import REFUSED_STATUS
from penstock.processes.log_engine import connect

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
    """Run one role until it is told to stop. A role that fails ends with status 1 and its supervisor restarts it.

    With REFUSED_STATUS it says that its settings are at fault: at the start, the supervisor gives up then.
    """
    gc.freeze()
    gc.set_threshold(*USUAL_THRESHOLDS)
    if PARENT_VARIABLE in os.environ:
        die_with_parent()
    settings, _ = load({}, os.environ, None)
    configure_logging(name, settings.log_format)
    try:
        uvloop.run(_run(name, settings, serve))
    except SettingsError as error:
        logger.error("Role refuses its settings.", reason=str(error))  # noqa: TRY400 - users read it, not developers
        sys.exit(REFUSED_STATUS)
    except Exception:
        logger.exception("Role failed.")
        sys.exit(1)
    _leave()


def _leave() -> NoReturn:
    """End at once: all is closed, and the interpreter takes 0.3 s of a core to take a thousand modules apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _run(name: str, settings: Settings, serve: Serve) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock(round(settings.clock_offset_hours * 3_600_000))
    log = await connect(settings, name)
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
