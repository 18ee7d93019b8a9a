"""The two clocks: wall time for what is recorded, monotonic time for deadlines. Injected, so that tests move them."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What every part that looks at time is given."""

    def now_ms(self) -> int:
        """Wall time, milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clocks, shifted by `offset_ms` where an installation is tested in the future."""

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._offset_ms

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that a test moves. `sleep` returns when the clock has been moved far enough."""

    def __init__(self, now_ms: int = 1_893_578_400_000) -> None:
        self._now_ms = now_ms
        self._elapsed = 0.0
        self._moved = asyncio.Event()

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)
        self._elapsed += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self._elapsed + seconds
        while self._elapsed < until:
            await self._moved.wait()
