"""Waits between tries: exponential, capped, with jitter so that many do not try at once."""

import random
from collections.abc import Iterator


def backoff(first: float, limit: float, factor: float = 2.0, jitter: float = 0.5) -> Iterator[float]:
    """Endless waits in seconds: `first`, then `factor` times longer up to `limit`, each times 1 ± `jitter`."""
    wait = first
    while True:
        yield wait * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - spreads load, guards nothing
        wait = min(wait * factor, limit)
