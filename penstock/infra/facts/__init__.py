"""Facts: what the data plane reports upward, each beginning where the last one of its role and shard ended."""

from penstock.infra.facts.reader import read_facts
from penstock.infra.facts.writer import FactGapError, FactWriter

__all__ = ["FactGapError", "FactWriter", "read_facts"]
