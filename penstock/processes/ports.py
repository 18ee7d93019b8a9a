"""Ports: picked or probed before a child binds them, so that a taken one is refused by name and never shared."""

import socket

from penstock.kit.ports import family, free_port


class PortTaken(Exception):  # noqa: N818 - the consequence is in the name
    """Somebody listens there already."""


def settled_port(host: str, port: int) -> int:
    """`port`, probed without SO_REUSEPORT so that it is not shared with a ghost; a free one for 0. Raises PortTaken."""
    if port == 0:
        return free_port(host)
    with socket.socket(family(host), socket.SOCK_STREAM) as probe:
        # A connection that is still closing must not keep a restart from its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise PortTaken(f"port {port} on {host} cannot be had: {error.strerror}") from error
    return port


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def reachable(host: str) -> str:
    """How a client on this machine writes the host of an address that is bound to `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
