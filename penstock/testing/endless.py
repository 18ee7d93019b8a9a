"""Reads from a log that has no end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def take(messages: AsyncGenerator[T, None], count: int, *, seconds: float = 60.0) -> list[T]:
    """The next `count` of an endless generator, which is then closed. Fails after `seconds`."""
    async with asyncio.timeout(seconds), aclosing(messages):
        return [await anext(messages) for _ in range(count)]
