"""The one outbound policy: which address and port may be connected to, judged after DNS and on every redirect hop.

Invariants:
- An address that carries another one (IPv4-mapped, 6to4) is judged as the one that it carries.
- Public addresses may be called. Loopback only on a laptop: Penstock listens on loopback and no CIDR is allowed.
  All else in `DENIED` only inside an allowed CIDR. Penstock's own ports never on an address that is not public.
- The runner is given the same tables and the same decisions; a test asks both about the same addresses.

Errors:
    PolicyError    a CIDR or port of the settings cannot be read
"""

import ipaddress
from collections.abc import Iterable
from functools import cached_property
from typing import Self

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CLOSED = "none"
"""The one word that the list of allowed CIDRs may be instead."""

LOOPBACK = ("127.0.0.0/8", "::1/128")

DENIED = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",  # unspecified, loopback and the old IPv4-compatible form
    "64:ff9b::/96",  # NAT64 reaches IPv4 hosts, private ones too
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",  # Teredo hides an IPv4 address behind a cipher
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)

_loopback = tuple(map(ipaddress.ip_network, LOOPBACK))
_denied = tuple(map(ipaddress.ip_network, DENIED))
_sixtofour = ipaddress.IPv6Network("2002::/16")
_CLOSED_REASON = "nothing may be called"
_DENO_SINGLE_V6 = ("[::1]", "[::]")


class PolicyError(ValueError):
    """The settings of the policy cannot be read."""


class Refusal(msgspec.Struct, frozen=True):
    """Why an address may not be connected to."""

    address: str
    port: int
    reason: str

    @property
    def message(self) -> str:
        return f"{self.address} port {self.port} is refused by the outbound policy: {self.reason}"


class OutboundPolicy(msgspec.Struct, frozen=True, dict=True):
    """Decides by address and port. `dict=True` only keeps the parsed networks."""

    allow: tuple[str, ...] = ()
    """CIDRs of `PENSTOCK_OUTBOUND_ALLOW`."""
    listens_on_loopback: bool = True
    own_ports: tuple[int, ...] = ()
    is_closed: bool = False
    """Nothing may be called, not even public addresses (`PENSTOCK_OUTBOUND_ALLOW=none`); names are not looked up."""

    @classmethod
    def checked(cls, allow: Iterable[str], host: str, own_ports: Iterable[int]) -> Self:
        """The policy of an installation that binds `host`. Raises PolicyError naming what cannot be read."""
        given = [cidr.strip() for cidr in allow]
        is_closed = given == [CLOSED]
        networks = () if is_closed else tuple(str(_network(cidr)) for cidr in given)
        ports = tuple(sorted(set(own_ports)))
        if any(not 0 < port < 1 << 16 for port in ports):
            raise PolicyError(f"a port lies outside of 1 to 65535: {ports}")
        return cls(networks, _is_loopback_name(host), ports, is_closed)

    @property
    def allows_loopback(self) -> bool:
        return self.listens_on_loopback and not self.allow and not self.is_closed

    def judge(self, address: str, port: int) -> Refusal | None:
        """Why this address may not be connected to; None: it may."""
        try:
            ip = carried(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return Refusal(address, port, "not an address")
        reason = _CLOSED_REASON if self.is_closed else self._reason(ip, port)
        return None if reason is None else Refusal(address, port, reason)

    def _reason(self, ip: Address, port: int) -> str | None:
        if not any(ip in network for network in _denied):
            return None
        if port in self.own_ports:
            return "a port of Penstock itself"
        if self.allows_loopback and any(ip in network for network in _loopback):
            return None
        if any(ip in network for network in self._allowed):
            return None
        return "not a public address"

    @cached_property
    def _allowed(self) -> tuple[Network, ...]:
        return tuple(map(_network, self.allow))

    def to_runner_json(self) -> bytes:
        """What the delivery host is given: the same tables, resolved."""
        allowed = list(LOOPBACK) if self.allows_loopback else list(self.allow)
        tables = {"denied": DENIED, "allowed": allowed, "ownPorts": self.own_ports, "isClosed": self.is_closed}
        return msgspec.json.encode(tables)

    def deny_net_flags(self) -> str:
        """The second line: Deno's `--deny-net` for the same policy, as far as Deno can express it (no IPv6 ranges)."""
        if self.is_closed:
            return "--deny-net"
        open_networks = _loopback if self.allows_loopback else self._allowed
        opened = [network for network in open_networks if isinstance(network, ipaddress.IPv4Network)]
        closed: list[ipaddress.IPv4Network] = []
        for network in _denied:
            if isinstance(network, ipaddress.IPv4Network):
                closed += _without(network, opened)
        single = [name for name in _DENO_SINGLE_V6 if not _opens(name, open_networks)]
        hosts = [_deno_host(network) for network in opened] + [name for name in _DENO_SINGLE_V6 if name not in single]
        own = [f"{host}:{port}" for host in hosts for port in self.own_ports]
        return "--deny-net=" + ",".join([*map(str, closed), *single, *own])


def carried(ip: Address) -> Address:
    """The address that this one leads to: itself, or the IPv4 address inside it."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _sixtofour and ip.sixtofour is not None:
            return ip.sixtofour
    return ip


def _network(cidr: str) -> Network:
    try:
        return ipaddress.ip_network(cidr.strip(), strict=False)
    except ValueError as error:
        raise PolicyError(f"{cidr!r} is no CIDR: {error}") from error


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return carried(ipaddress.ip_address(host)).is_loopback
    except ValueError:
        return False


def _without(network: ipaddress.IPv4Network, opened: list[ipaddress.IPv4Network]) -> list[ipaddress.IPv4Network]:
    left = [network]
    for hole in opened:
        left = [piece for part in left for piece in _minus(part, hole)]
    return left


def _minus(part: ipaddress.IPv4Network, hole: ipaddress.IPv4Network) -> list[ipaddress.IPv4Network]:
    if part.subnet_of(hole):
        return []
    return list(part.address_exclude(hole)) if hole.subnet_of(part) else [part]


def _opens(bracketed: str, open_networks: tuple[Network, ...]) -> bool:
    ip = ipaddress.ip_address(bracketed.strip("[]"))
    return any(ip in network for network in open_networks)


def _deno_host(network: ipaddress.IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
