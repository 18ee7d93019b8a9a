"""Reading the past: quarantine and what is brought back from it, samples of what was routed, what functions printed."""

from penstock.history.function_logs import FunctionLogs
from penstock.history.quarantine import Again, Quarantine
from penstock.history.samples import EventSamples
from penstock.history.shards import Shards

__all__ = ["Again", "EventSamples", "FunctionLogs", "Quarantine", "Shards"]
