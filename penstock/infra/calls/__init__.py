"""Calls between roles over the log engine's core subjects: request and reply with a deadline, streams on a lease."""

from penstock.infra.calls.audience import Audience
from penstock.infra.calls.client import CallClient
from penstock.infra.calls.errors import CallError, CallFailed, CallTimedOut, RoleDown
from penstock.infra.calls.server import CallServer
from penstock.infra.calls.streams import Arrived, Following, Streams

__all__ = [
    "Arrived",
    "Audience",
    "CallClient",
    "CallError",
    "CallFailed",
    "CallServer",
    "CallTimedOut",
    "Following",
    "RoleDown",
    "Streams",
]
