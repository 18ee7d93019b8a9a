"""What a process of several parts says of itself."""

import os
from collections import Counter
from typing import Any

import msgspec

from penstock.functions.pool import HeldFunction
from penstock.spec.calls import StatusReport

_TOLD = 5


def joined(reports: list[StatusReport], started_at: int) -> StatusReport:
    """One report of the role from those of its shards; the worst state counts."""
    order = ("failing", "starting", "ready")
    counts: Counter[str] = Counter()
    lag: dict[str, int] = {}
    details: dict[str, Any] = {}
    for report in reports:
        counts.update(report.counts)
        lag |= report.lag
        details |= report.details
    state = min((report.state for report in reports), key=order.index)
    reasons = [reason for report in reports for reason in report.reasons]
    return StatusReport("engine", state, reasons, os.getpid(), started_at, lag, dict(counts), details)


def with_functions(report: StatusReport, started: int, standing: int, held: list[HeldFunction]) -> StatusReport:
    """The report, with the processes of functions. Those that are held back are told, and make no role unready."""
    reasons = [f"function {one.function_id} at {one.place} is held back" for one in held[:_TOLD]]
    details = {"functions": {"started": started, "standing": standing, "held": msgspec.to_builtins(held)}}
    return msgspec.structs.replace(report, reasons=report.reasons + reasons, details=report.details | details)
