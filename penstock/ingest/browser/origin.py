"""The address under which a client reaches this installation: what it is told to send to (tracking-api.md §13.2)."""

import re
from urllib.parse import urlsplit

import msgspec

from penstock.ingest.answers import Refusal
from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Scope

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_SCHEMES = ("http", "https")


class Origin(msgspec.Struct, frozen=True):
    """Scheme, and host with port and, where a proxy adds one, a path; no slash at the end."""

    scheme: str
    host: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"


class Origins:
    """`PENSTOCK_PUBLIC_URL` where it is set; else the request's own address, as trusted proxies tell it."""

    def __init__(self, public_url: str, peers: Peers) -> None:
        self._peers = peers
        self._public = _origin_of(public_url) if public_url else None

    def of(self, scope: Scope) -> Origin:
        """Raises Refusal where the request does not say which host it is for."""
        if self._public is not None:
            return self._public
        headers = scope.headers
        scheme, host = scope.scheme, headers.get("host") or scope.authority or ""
        if self._peers.is_trusted(scope.client):
            scheme = _last(headers.get_all("x-forwarded-proto")) or scheme
            host = _last(headers.get_all("x-forwarded-host")) or host
        if scheme not in _SCHEMES or not _HOST.fullmatch(host):
            raise Refusal(400, "bad_request", "The request names no host")
        return Origin(scheme, host)


def _origin_of(url: str) -> Origin:
    parts = urlsplit(url)
    return Origin(parts.scheme, parts.netloc + parts.path.rstrip("/"))


def _last(lines: list[str]) -> str:
    """What the nearest proxy says, of a list that each hop appends to, in the same line or in one of its own."""
    return ",".join(lines).rpartition(",")[2].strip()
