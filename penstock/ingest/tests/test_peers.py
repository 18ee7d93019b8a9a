import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.peers import Peers


class TestAddress:
    def test_without_trusted_proxies_it_is_who_connected(self):
        assert Peers(()).address("203.0.113.9:4711", "198.51.100.1") == "203.0.113.9"

    def test_a_stranger_is_not_believed(self):
        assert Peers(("10.0.0.0/8",)).address("203.0.113.9:4711", "198.51.100.1") == "203.0.113.9"

    def test_a_trusted_proxy_is_believed(self):
        assert Peers(("10.0.0.0/8",)).address("10.1.2.3:4711", "198.51.100.1") == "198.51.100.1"

    def test_what_a_client_put_before_the_trusted_hops_is_not_believed(self):
        peers = Peers(("10.0.0.0/8",))
        assert peers.address("10.1.2.3:4711", "1.1.1.1, 198.51.100.1, 10.9.9.9") == "198.51.100.1"

    def test_version_six_is_read_in_brackets(self):
        assert Peers(("::1/128",)).address("[::1]:4711", "2001:db8::1") == "2001:db8::1"

    @pytest.mark.parametrize("header", ["nonsense", "", ",", "1.2.3.4.5, ,"])
    def test_nonsense_leaves_the_proxy(self, header):
        assert Peers(("10.0.0.0/8",)).address("10.1.2.3:1", header) == "10.1.2.3"

    @given(st.text())
    def test_no_header_raises(self, header):
        Peers(("10.0.0.0/8",)).address("10.1.2.3:1", header)
