"""Calls between roles: request and reply with a deadline, over the log engine's core subjects."""

from penstock.infra.calls.client import CallClient
from penstock.infra.calls.errors import CallError, CallFailed, CallTimedOut, RoleDown
from penstock.infra.calls.server import CallServer

__all__ = ["CallClient", "CallError", "CallFailed", "CallServer", "CallTimedOut", "RoleDown"]
