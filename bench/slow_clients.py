"""What 1,000 half-open requests do to healthy clients: the same load with and without them, in interleaved runs."""

import statistics
import tempfile
from itertools import repeat
from pathlib import Path

import uvloop

from bench.growth import edge_of
from bench.ingest import GENERATOR_LIMIT, Load, load
from bench.report import Figure, at_most
from penstock.testing.half_open import BEGINNINGS, HalfOpen

ROUNDS = 5
CONNECTIONS = 64
HALF_OPEN = 1_000
DRIP_SECONDS = 5.0


async def measure() -> tuple[list[Load], list[Load]]:
    """Runs without and with them."""
    without, beside = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with edge_of(1, Path(folder)) as edge:
            for _ in range(ROUNDS):
                without.append(await load(edge.port, CONNECTIONS, repeat(edge.requests[0])))
                async with HalfOpen(edge.port, HALF_OPEN // len(BEGINNINGS)) as slow:
                    slow.drip(DRIP_SECONDS)
                    beside.append(await load(edge.port, CONNECTIONS, repeat(edge.requests[0])))
    return without, beside


def run() -> list[Figure]:
    without, beside = uvloop.run(measure())
    ratio = statistics.median(after.p99 / before.p99 for before, after in zip(without, beside, strict=True))
    return [
        Figure("healthy clients alone", _rate(without), "events/s", note=_note(without)),
        Figure(f"beside {HALF_OPEN:,} half-open requests", _rate(beside), "events/s", note=_note(beside)),
        at_most(f"p99 beside {HALF_OPEN:,} half-open : alone", ratio, 2, "", "median of pairs"),
    ]


def _rate(loads: list[Load]) -> float:
    return statistics.median(load.rate for load in loads)


def _note(loads: list[Load]) -> str:
    p99 = statistics.median(load.p99 for load in loads) * 1000
    void = " VOID: the generator is the limit" if max(load.generator for load in loads) > GENERATOR_LIMIT else ""
    return f"p99 {p99:.1f} ms{void}"
