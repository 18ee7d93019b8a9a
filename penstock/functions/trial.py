"""Runs a function once for somebody who looks on: in a process that is thrown away, and tells all that it did."""

import asyncio
import time
from typing import Any

from penstock.functions.broker import Broker
from penstock.functions.instance import Instance, Program, Work
from penstock.functions.outcome import ENDINGS
from penstock.infra.calls import CallFailed
from penstock.js.errors import RunnersError
from penstock.js.sandbox import Limits, Sandbox, SandboxLost, Unloadable, Wish
from penstock.spec.calls import FindHandlers, FoundHandlers, TrialReport, TriedRequest, TryFunction

_AT_ONCE = 2
_URL_LIMIT = 2_000


class Trials:
    """Answers the control plane. Each trial begins with an empty cache and knows nothing of those before."""

    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._limits = limits
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def handlers(self, call: FindHandlers) -> FoundHandlers:
        """Raises CallFailed where no process can be had."""
        async with self._room:
            try:
                sandbox = await Sandbox.start(call.kind, call.code, self._broker.fetch, self._limits)
            except Unloadable as error:
                return FoundHandlers(problem=str(error))
            except SandboxLost as error:
                return FoundHandlers(problem=ENDINGS[error.ending])
            except RunnersError as error:
                raise CallFailed("no_runner", str(error)) from error
            await sandbox.close()
        return FoundHandlers(sorted(sandbox.handlers))

    async def answer(self, call: TryFunction) -> TrialReport:
        """Raises CallFailed where no process can be had."""
        requests: list[TriedRequest] = []

        async def fetch(wish: Wish) -> dict[str, Any]:
            told = await self._broker.fetch(wish)
            error = told.get("error", {}).get("message", "")
            requests.append(TriedRequest(wish.method, wish.url[:_URL_LIMIT], told.get("status", 0), error))
            return told

        async with self._room:
            instance = Instance(
                Program(call.kind, call.code), fetch, self._limits, asyncio.Semaphore(1), keeps_logs=True
            )
            began = time.monotonic()
            try:
                outcome = await instance.run(Work(call.handler, call.given, call.settings, call.seconds))
            finally:
                await instance.close()
        if outcome.code == "internal":
            raise CallFailed("no_runner", outcome.message)
        return TrialReport(
            consequence=outcome.consequence,
            code=outcome.code,
            message=outcome.message,
            stack=outcome.stack,
            value=outcome.value,
            logs=outcome.logs,
            messages=outcome.messages,
            requests=requests,
            milliseconds=round((time.monotonic() - began) * 1000, 1),
        )
