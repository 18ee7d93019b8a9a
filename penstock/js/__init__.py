"""The JavaScript runners: processes that hold the official destination code, and what their answers mean."""

from penstock.js.errors import BundleMissing, DenoMissing, RequestTooLarge, RunnerLost, RunnersError
from penstock.js.pool import PoolSettings, RunnerPool
from penstock.js.protocol import Operation, RunnerAnswer, RunnerRequest
from penstock.js.verdict import Verdict, VerdictKind, verdicts

__all__ = [
    "BundleMissing",
    "DenoMissing",
    "Operation",
    "PoolSettings",
    "RequestTooLarge",
    "RunnerAnswer",
    "RunnerLost",
    "RunnerPool",
    "RunnerRequest",
    "RunnersError",
    "Verdict",
    "VerdictKind",
    "verdicts",
]
