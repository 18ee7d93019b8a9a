"""How much the edge takes: of keys that nobody knows, and of sources and workspaces that have a quota."""

from penstock.ingest.limits.allowance import Allowance
from penstock.ingest.limits.quotas import Quotas
from penstock.ingest.limits.unknown_keys import UnknownKeys

__all__ = ["Allowance", "Quotas", "UnknownKeys"]
