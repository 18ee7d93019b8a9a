"""Ports that are picked before somebody binds them, in a range that the system does not hand out in between."""

import random
import socket

_RANGE = range(20_000, 32_768)
"""Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections: one of those could be
taken by any client of the machine between the picking and the binding."""
_TRIES = 100


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` that nobody has now. Raises OSError where none of many tries can be had."""
    for port in random.sample(_RANGE, _TRIES):
        with socket.socket(family(host), socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port on {host} in {_TRIES} tries")


def family(host: str) -> socket.AddressFamily:
    """IPv6 where the host is written as an address of it."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
