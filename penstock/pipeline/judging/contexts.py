"""The contexts of one request's events as they are delivered: merged with the batch's, with the sender's address.

Events of a batch mostly repeat one context, and so the last one is remembered: it is looked into, merged and written
once. The events of one request share the batch's context, the address and the platform, and nothing else counts here.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.pipeline.judging.overlay import Base, laid_over
from penstock.pipeline.judging.wire import ABSENT, EMPTY_OBJECT, fields_of, object_of

CLIENT_PLATFORMS = frozenset({"website", "mobile"})
CLIENT_LIBRARIES = frozenset(
    {
        "analytics.js",
        "analytics-ios",
        "analytics-android",
        "analytics-kotlin",
        "analytics-swift",
        "analytics-react-native",
        "amp",
    }
)
CLIENT = "client"
SERVER = "server"


class Context(msgspec.Struct, frozen=True):
    """What is delivered as `context`, and the `channel` that it speaks for."""

    text: Raw
    channel: str


class _Known(msgspec.Struct):
    """What decides about `ip` and `channel`; all else in the context is passed over."""

    ip: Any = UNSET
    direct: Any = None
    library: Any = None


_decoder = msgspec.json.Decoder(_Known)


class Contexts:
    """Those of one request. `last` is the own context of the event before, as it came and without defects."""

    def __init__(self, batch: Base | None, platform: str, peer: str) -> None:
        self.last = ABSENT
        self._found: Context | None = None
        self._batch = batch
        self._is_client = platform in CLIENT_PLATFORMS
        self._peer = peer

    def of(self, own: Raw) -> Context:
        """The delivered context of an event with this one of its own, an object or absent."""
        if self._found is None or own != self.last:
            self._found = self._delivered(own)
            self.last = own
        return self._found

    def _delivered(self, own: Raw) -> Context:
        text = laid_over(self._batch, own, is_deep=True)
        if text is ABSENT:
            text = EMPTY_OBJECT
        known = _decoder.decode(text)
        is_client = self._is_client or known.direct is True or _is_client_library(known.library)
        if is_client and self._peer and (known.ip is UNSET or known.ip is None):
            text = _with_ip(text, self._peer)
        return Context(text, CLIENT if is_client else SERVER)


def _is_client_library(library: Any) -> bool:
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and name in CLIENT_LIBRARIES


def _with_ip(context: Raw, address: str) -> Raw:
    fields = fields_of(context)
    fields["ip"] = Raw(b'"%s"' % address.encode())
    return object_of(fields)
