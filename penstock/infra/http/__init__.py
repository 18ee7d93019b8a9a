"""HTTP on either side: requests to the outside under one policy, and how much of an answer a client has taken."""

from penstock.infra.http.outbound import (
    OutboundClient,
    OutboundError,
    OutboundRefused,
    OutboundRequest,
    OutboundResponse,
)
from penstock.infra.http.policy import OutboundPolicy, PolicyError, Refusal
from penstock.infra.http.send_queue import SendQueue

__all__ = [
    "OutboundClient",
    "OutboundError",
    "OutboundPolicy",
    "OutboundRefused",
    "OutboundRequest",
    "OutboundResponse",
    "PolicyError",
    "Refusal",
    "SendQueue",
]
