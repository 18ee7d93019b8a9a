"""Who sent a request: the address that connected, or the one that a trusted proxy names."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from penstock.ingest.rsgi import Scope

_LONGEST = 512
_MAPPED = "::ffff:"
"""How a listener of both families tells an IPv4 address."""


class Peers:
    """Believes `X-Forwarded-For` from trusted proxies alone, hop by hop from the nearest one."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = [ip_network(network, strict=False) for network in trusted]
        self._is_trusted = lru_cache(maxsize=1024)(self._look_up)

    def address_of(self, scope: Scope) -> str:
        """Who sent a request. A proxy may add a line of its own to what its client sent: all lines count, in order."""
        if not self._networks:
            return peer_of(scope.client)
        return self.address(scope.client, ",".join(scope.headers.get_all("x-forwarded-for")))

    def address(self, client: str, forwarded_for: str) -> str:
        """`client` is `address:port`."""
        peer = peer_of(client)
        if not self._networks or not forwarded_for or len(forwarded_for) > _LONGEST:
            return peer
        for hop in reversed(forwarded_for.split(",")):
            if not self._is_trusted(peer):
                break
            if (named := _parsed(hop.strip())) is None:
                break
            peer = str(named)
        return peer

    def is_trusted(self, client: str) -> bool:
        """Whether the one that connected is a trusted proxy."""
        return bool(self._networks) and self._is_trusted(peer_of(client))

    def _look_up(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


@lru_cache(maxsize=4096)
def peer_of(client: str) -> str:
    """The address of `address:port`. A connection asks again with every request."""
    address = client.rpartition(":")[0].strip("[]")
    return address.removeprefix(_MAPPED) if "." in address else address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
