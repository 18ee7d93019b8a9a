"""The log engine: the one place that speaks to NATS JetStream, and the server that is started where none is given."""

from penstock.infra.log.bucket import Bucket
from penstock.infra.log.connection import CoreMessage
from penstock.infra.log.errors import (
    LogError,
    LogFull,
    LogLost,
    LogRefused,
    LogTimeout,
    LogUnavailable,
    SequenceMismatch,
)
from penstock.infra.log.link import CoreSubscription
from penstock.infra.log.log import Log
from penstock.infra.log.message import MAX_PAYLOAD, Entry, Message, StreamSpec, StreamState

__all__ = [
    "MAX_PAYLOAD",
    "Bucket",
    "CoreMessage",
    "CoreSubscription",
    "Entry",
    "Log",
    "LogError",
    "LogFull",
    "LogLost",
    "LogRefused",
    "LogTimeout",
    "LogUnavailable",
    "Message",
    "SequenceMismatch",
    "StreamSpec",
    "StreamState",
]
