import socket

import pytest

from penstock.kit.ports import free_port
from penstock.processes.ports import PortTaken, reachable, settled_port


class TestPorts:
    def test_a_taken_port_is_refused_by_number_even_where_its_owner_shares_it(self):
        with socket.socket() as owner:
            owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            owner.bind(("127.0.0.1", 0))
            owner.listen()
            port = owner.getsockname()[1]
            with pytest.raises(PortTaken, match=str(port)):
                settled_port("127.0.0.1", port)

    def test_port_zero_picks_a_free_one(self):
        assert settled_port("127.0.0.1", 0) > 0

    def test_a_free_port_can_be_had(self):
        port = free_port()
        assert settled_port("127.0.0.1", port) == port

    @pytest.mark.parametrize(
        ("host", "written"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "127.0.0.1"),
            ("::1", "[::1]"),
            ("a.test", "a.test"),
        ],
    )
    def test_an_address_is_written_so_that_a_client_here_reaches_it(self, host, written):
        assert reachable(host) == written
