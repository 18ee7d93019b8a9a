"""The pipeline's CPU per event with nobody watching and with a live view open. No log is involved.

Nobody watching is the pipeline as it is; the test for it is one for each frame.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.pipeline import frame, snapshots_of
from bench.report import Figure, at_most
from penstock.infra.calls.audience import Follower
from penstock.infra.snapshots import Snapshots
from penstock.pipeline.dedupe import Claims, DedupeIndex
from penstock.pipeline.judging.judge import FrameJudge
from penstock.pipeline.judging.rules import Rulebook
from penstock.pipeline.judging.watched import WatchedJudge
from penstock.spec.accepted import decoder
from penstock.spec.tail import TailEvents, TailLine

_RUNS = 7
_FRAMES = 20
_EVENTS = 500
_SOURCES = 10
NOW = 1_893_578_402_000
Followers = list[Follower[TailLine]]


def run() -> list[Figure]:
    """Medians of interleaved runs; a tail that shows everything, and one whose filter fits no event."""
    kinds: dict[str, Callable[[], Followers]] = {
        "nobody watches": list,
        "a tail of everything": lambda: [Follower(TailEvents(), 0.0)],
        "a tail of one user": lambda: [Follower(TailEvents(user="nobody"), 0.0)],
    }
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    snapshots = snapshots_of(_SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        index = DedupeIndex(Path(folder) / "dedupe", 24)
        for number in range(_RUNS):
            for kind, followers in kinds.items():
                measured[kind].append(microseconds_per_event(snapshots, index, f"{kind}-{number}", followers()))
        index.close()
    medians = {kind: statistics.median(taken) for kind, taken in measured.items()}
    nobody, everything = medians["nobody watches"], medians["a tail of everything"]
    figures = [Figure(f"pipeline CPU per event, {kind}", taken, "µs") for kind, taken in medians.items()]
    return [*figures, at_most("a tail of everything beside none", everything / nobody, 1.5, "times")]


def microseconds_per_event(snapshots: Snapshots, index: DedupeIndex, mark: str, followers: Followers) -> float:
    claims, rulebook = Claims(), Rulebook()
    frames = [decoder.frame(frame(_SOURCES, f"{mark}-{number}", number)) for number in range(_FRAMES)]
    began = time.process_time()
    for number, (head, body) in enumerate(frames, 1):
        if followers:
            judge: FrameJudge = WatchedJudge(head, body, snapshots, index, claims, rulebook, NOW)
        else:
            judge = FrameJudge(head, body, snapshots, index, claims, rulebook)
        for _ in judge.slices():
            pass
        answer = judge.answer("bench", number)
        index.apply(answer.claimed, number, "bench")
        for follower in followers:
            follower.offer(answer.lines)
    return (time.process_time() - began) / (_FRAMES * _EVENTS) * 1e6
