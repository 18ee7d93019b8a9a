"""What suppressions cost: CPU per event and memory, with nobody, a hundred thousand and ten million suppressed."""

import os
import statistics
import tempfile
import time
from array import array
from pathlib import Path

from bench.pipeline import microseconds_per_event, snapshots_of
from bench.report import Figure, at_most
from penstock.infra.snapshots import Snapshots
from penstock.pipeline.dedupe import DedupeIndex
from penstock.pipeline.judging.rules import Rulebook
from penstock.resources.regulations.folding import BASE_DIGESTS
from penstock.spec.snapshot import SnapshotEnvelope, SnapshotKind, SuppressionSnapshot
from penstock.spec.suppression import DIGEST_SIZE, packed

_RUNS = 5
_SOURCES = 10
_BITS = DIGEST_SIZE * 8
_KEY = b"k" * 32
_COUNTS = {"100 k": 100_000, "10 M": 10_000_000}
_LAID = 5_000
"""Ids of one request, laid over the bases."""


def run() -> list[Figure]:
    """Medians of interleaved runs. Nobody who is suppressed sends: every event is looked up and passes."""
    held = {"nobody": (snapshots_of(_SOURCES), Rulebook(bytes))}
    figures = []
    for name, count in _COUNTS.items():
        before = _resident()
        held[name] = suppressing(count), Rulebook(bytes)
        figures.append(Figure(f"memory of {name} suppressed people", (_resident() - before) / 1e6, "MB"))
    measured: dict[str, list[float]] = {name: [] for name in held}
    with tempfile.TemporaryDirectory() as folder:
        index = DedupeIndex(Path(folder) / "dedupe", 24)
        for number in range(_RUNS):
            for offset, (name, (snapshots, rulebook)) in enumerate(held.items()):
                # A run's number makes the message ids, and so no two may share one.
                taken = microseconds_per_event(snapshots, _SOURCES, index, number * 10 + offset, rulebook)
                measured[name].append(taken)
        index.close()
    none, few, many = (statistics.median(taken) for taken in measured.values())
    return [
        *figures,
        Figure("pipeline CPU per event, nobody suppressed", none, "µs"),
        at_most("100 k suppressed beside nobody", few / none, 1.5, "times"),
        at_most("10 M suppressed beside 100 k", many / few, 1.15, "times"),
        at_most("until one more request acts on 10 M", _taken_in(*held["10 M"]), 500, "ms"),
    ]


def suppressing(count: int) -> Snapshots:
    """So many people in bases, as they are folded."""
    held = snapshots_of(_SOURCES)
    bits = (count // BASE_DIGESTS).bit_length()
    for prefix in range(1 << bits):
        content = _base(prefix, bits, count >> bits)
        _lay(held, SuppressionSnapshot(f"b{prefix}", "w", 1, "", _KEY, 0, bits, prefix, content, b""))
    return held


def _base(prefix: int, bits: int, count: int) -> bytes:
    width = _BITS - bits
    drawn = array("Q", os.urandom(count * DIGEST_SIZE))
    return packed((prefix << width) | (digest >> bits) for digest in drawn)


def _lay(held: Snapshots, segment: SuppressionSnapshot) -> None:
    envelope = SnapshotEnvelope(SnapshotKind.SUPPRESSION, segment.id, segment.workspace_id, 1, is_deleted=False)
    held.apply(envelope, segment)


def _taken_in(held: Snapshots, rulebook: Rulebook) -> float:
    """Milliseconds from a new segment to the first lookup."""
    content = packed(array("Q", os.urandom(_LAID * DIGEST_SIZE)))
    began = time.process_time()
    _lay(held, SuppressionSnapshot("more", "w", 1, "", _KEY, 1, 0, 0, content, b""))
    found = rulebook.suppressed_in(held.sources["s0"], held)
    assert found is not None
    assert "u-1" not in found
    return (time.process_time() - began) * 1e3


def _resident() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
