"""Where the log engine is and how one gets in: the addresses of its servers, whose credentials are never shown."""

import random
import ssl
from collections import deque
from urllib.parse import urlsplit

import msgspec

from penstock.infra.log.errors import LogRefused

SCHEMES = ("nats", "tls")


class Access(msgspec.Struct, frozen=True):
    """What opens the door besides what stands in the URLs."""

    token: str = ""
    certificate_authority: str = ""
    """File of the authority that signed the servers' certificates; empty: those that the system trusts."""

    def tls(self) -> ssl.SSLContext | None:
        """Raises LogRefused where the file cannot be read."""
        if not self.certificate_authority:
            return None
        try:
            return ssl.create_default_context(cafile=self.certificate_authority)
        except OSError as error:  # an SSLError is one
            raise LogRefused(
                0, 400, f"PENSTOCK_NATS_CERTIFICATE_AUTHORITY {self.certificate_authority}: {error}"
            ) from error


class Servers:
    """The servers of one log engine, tried in turn: each process begins with another one."""

    def __init__(self, urls: str) -> None:
        found = [url.strip() for url in urls.split(",") if url.strip()]
        if not found:
            raise LogRefused(0, 400, "PENSTOCK_NATS_URL names no server")
        for url in found:
            _check(url)
        random.shuffle(found)
        self._urls = deque(found)

    def __len__(self) -> int:
        return len(self._urls)

    def __str__(self) -> str:
        """For log lines: without credentials."""
        return ",".join(sorted(shown(url) for url in self._urls))

    def next(self) -> str:
        """The server whose turn it is."""
        self._urls.rotate(-1)
        return self._urls[0]


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or 4222) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise LogRefused(0, 400, f"PENSTOCK_NATS_URL: {shown(url)} is not nats://HOST:PORT or tls://HOST:PORT")


def shown(url: str) -> str:
    """The address without the credentials that may stand in it."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2] if separator else url.rpartition("@")[2]
