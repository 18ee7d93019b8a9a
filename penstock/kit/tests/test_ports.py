import socket
from pathlib import Path

import pytest

from penstock.kit.ports import free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_listened_on(host):
    with socket.create_server((host, free_port(host)), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
        pass


@pytest.mark.skipif(not Path("/proc/sys/net").exists(), reason="only Linux tells its range of outgoing ports there")
def test_no_outgoing_connection_takes_a_port_that_was_picked():
    least = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < least for _ in range(20))
