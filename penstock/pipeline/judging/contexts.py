"""The contexts of one request's events as they are delivered: merged with the batch's, with the sender's address.

Events of a batch mostly repeat one context, and so the last one is remembered: it is looked into, merged and written
once. The events of one request share the batch's context, the address and the platform, and nothing else counts here.
"""

import ipaddress
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from penstock.pipeline.judging.overlay import Base, laid_over
from penstock.pipeline.judging.wire import ABSENT, EMPTY_OBJECT, fields_of, object_of
from penstock.spec.event import CLIENT, SERVER
from penstock.spec.snapshot import IpHandling

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
APP_VERSION_LENGTH = 64


class Context(msgspec.Struct, frozen=True):
    """What is delivered as `context`, and the `channel` that it speaks for."""

    text: Raw
    channel: str
    app_version: str = ""


class _Known(msgspec.Struct):
    """What decides about `ip` and `channel`; all else in the context is passed over."""

    ip: Any = UNSET
    direct: Any = None
    library: Any = None
    app: Any = None


_decoder = msgspec.json.Decoder(_Known)
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_KEPT_BITS = {4: 24, 6: 48}


class Contexts:
    """Those of one request. `last` is the own context of the event before, as it came and without defects."""

    def __init__(
        self, batch: Base | None, platform: str, peer: str, ip: IpHandling = "keep", *, is_client: bool = False
    ) -> None:
        self.last = ABSENT
        self._found: Context | None = None
        self._opened_text = ABSENT
        self._opened: dict[str, Any] = {}
        self._batch = batch
        self._is_client = is_client or platform in CLIENT_PLATFORMS
        self._peer = peer
        self._ip = ip

    def opened(self, context: Raw) -> dict[str, Any]:
        """A delivered context, decoded; events that share the text share this. Nobody changes it."""
        if context is not self._opened_text:
            self._opened_text, self._opened = context, _decode(context)
        return self._opened

    def of(self, own: Raw) -> Context:
        """The delivered context of an event with this one of its own, an object or absent."""
        if self._found is None or own != self.last:
            self._found = self._delivered(own)
            self.last = own
        return self._found

    @property
    def app_version(self) -> str:
        """That of the event before."""
        return "" if self._found is None else self._found.app_version

    def _delivered(self, own: Raw) -> Context:
        text = laid_over(self._batch, own, is_deep=True)
        if text is ABSENT:
            text = EMPTY_OBJECT
        known = _decoder.decode(text)
        is_client = self._is_client or known.direct is True or _is_client_library(known.library)
        if is_client and self._peer and (known.ip is UNSET or known.ip is None):
            text = _with_ip(text, self._peer)
        if self._ip != "keep":
            text = _handled(text, self._ip)
        return Context(text, CLIENT if is_client else SERVER, _version_of(known.app))


def _version_of(app: Any) -> str:
    version = app.get("version") if isinstance(app, dict) else None
    return version[:APP_VERSION_LENGTH] if isinstance(version, str) else ""


def _is_client_library(library: Any) -> bool:
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and name in CLIENT_LIBRARIES


def _with_ip(context: Raw, address: str) -> Raw:
    fields = fields_of(context)
    fields["ip"] = Raw(b'"%s"' % address.encode())
    return object_of(fields)


def _handled(context: Raw, ip: IpHandling) -> Raw:
    """`context` with its address dropped, or cut to what a household or a site shares."""
    fields = fields_of(context)
    found = fields.pop("ip", None)
    if found is None:
        return context
    if ip == "truncate" and (short := truncated(found)):
        fields["ip"] = Raw(b'"%s"' % short.encode())
    return object_of(fields)


def truncated(address: Raw) -> str:
    """The network of an address (/24, of IPv6 /48) as an address; empty for what is none: it is not to be kept."""
    try:
        told = ipaddress.ip_address(msgspec.json.decode(address, type=str))
    except (ValueError, msgspec.MsgspecError):
        return ""
    # Without a scope id, which may hold anything; and an IPv4 address in the dress of the other family as what it is.
    parsed = ipaddress.ip_address(told.packed)
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, _KEPT_BITS[parsed.version]), strict=False).network_address)
