"""Answers the control plane's question whether code is a script."""

import asyncio

from penstock.infra.calls import CallFailed
from penstock.js import RunnersError
from penstock.js.sandbox import find_syntax_problem
from penstock.spec.calls import ParseFunction, ParseReport

_AT_ONCE = 2
"""Each is a process of its own."""


class Parser:
    """Parses a few at once; whoever asks more waits within the call's deadline."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, call: ParseFunction) -> ParseReport:
        """Raises CallFailed where no process can be had."""
        try:
            async with self._room:
                found = await find_syntax_problem(call.code)
        except RunnersError as error:
            raise CallFailed("no_runner", str(error)) from error
        return ParseReport() if found is None else ParseReport(found.message, found.line, found.column)
