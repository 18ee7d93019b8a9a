import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.http import OutboundPolicy, PolicyError
from penstock.infra.http.policy import DENIED, LOOPBACK, carried

ANY = "0.0.0.0"
LAPTOP = OutboundPolicy(own_ports=(8280,))
SERVER = OutboundPolicy(listens_on_loopback=False)
ALLOWING = OutboundPolicy.checked(["10.1.0.0/16", "fd00:1::/32"], "192.0.2.1", [8280, 4222])

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)
ports = st.integers(1, 65535)


def inside(cidr):
    return st.ip_addresses(network=ipaddress.ip_network(cidr))


class TestJudge:
    @pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
    def test_public_addresses_may_be_called(self, address):
        assert SERVER.judge(address, 443) is None

    @pytest.mark.parametrize(
        "address",
        [
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            ANY,
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fd00::1",
            "fe80::1",
            "fe80::1%eth0",
            "64:ff9b::8.8.8.8",
            "::ffff:192.168.1.1",
            "::ffff:a9fe:a9fe",
            "2002:a00:1::1",
            "2001:0:53aa:64c::1",
            "::7f00:1",
            "ff02::1",
        ],
    )
    @pytest.mark.parametrize("policy", [LAPTOP, SERVER])
    def test_what_is_not_public_is_refused(self, policy, address):
        refusal = policy.judge(address, 443)
        assert refusal is not None
        assert "refused by the outbound policy" in refusal.message

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
    def test_loopback_is_open_on_a_laptop_only(self, address):
        assert LAPTOP.judge(address, 9000) is None
        assert SERVER.judge(address, 9000) is not None
        assert ALLOWING.judge(address, 9000) is not None
        assert OutboundPolicy(allow=("10.0.0.0/8",)).judge(address, 9000) is not None

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_own_ports_are_never_called(self, address):
        assert LAPTOP.judge(address, 8280).reason == "a port of Penstock itself"
        assert OutboundPolicy(allow=LOOPBACK, own_ports=(8280,)).judge(address, 8280) is not None

    def test_an_allowed_network_is_open_but_for_own_ports(self):
        assert ALLOWING.judge("10.1.2.3", 80) is None
        assert ALLOWING.judge("fd00:1::5", 80) is None
        assert ALLOWING.judge("10.2.0.1", 80) is not None
        assert ALLOWING.judge("10.1.2.3", 4222) is not None

    @pytest.mark.parametrize(
        "text", ["", "localhost", "127.1", "2130706433", "0x7f000001", "1.2.3.4.5", "::ffff:", "010.0.0.1"]
    )
    def test_what_is_no_address_is_refused(self, text):
        assert LAPTOP.judge(text, 80).reason == "not an address"

    @given(st.sampled_from(DENIED).flatmap(inside), ports)
    def test_every_address_of_the_deny_list_is_refused(self, ip, port):
        assert SERVER.judge(str(ip), port) is not None

    @given(v4, ports)
    def test_an_embedded_address_is_judged_as_what_it_carries(self, ip, port):
        plain = SERVER.judge(str(ip), port) is None
        assert (SERVER.judge(f"::ffff:{ip}", port) is None) == plain
        sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (int(ip) << 80) | 1)
        assert (SERVER.judge(str(sixtofour), port) is None) == plain

    @given(v4 | v6, ports)
    def test_python_never_calls_an_open_address_private(self, ip, port):
        if SERVER.judge(str(ip), port) is None:
            carried_ip = carried(ip)
            assert not carried_ip.is_loopback
            assert not carried_ip.is_link_local
            assert not carried_ip.is_multicast
            assert not carried_ip.is_unspecified


class TestChecked:
    @pytest.mark.parametrize("cidr", ["", "10.0.0.0/33", "example.com", "10.0.0.0/8/8"])
    def test_a_cidr_that_cannot_be_read_is_named(self, cidr):
        with pytest.raises(PolicyError, match="is no CIDR"):
            OutboundPolicy.checked([cidr], "127.0.0.1", [])

    def test_a_port_out_of_range_is_refused(self):
        with pytest.raises(PolicyError):
            OutboundPolicy.checked([], "127.0.0.1", [70000])

    @pytest.mark.parametrize(
        ("host", "is_loopback"),
        [("127.0.0.1", True), ("localhost", True), ("::1", True), (ANY, False), ("::", False), ("box", False)],
    )
    def test_the_bound_host_decides_about_loopback(self, host, is_loopback):
        assert OutboundPolicy.checked([], host, []).allows_loopback is is_loopback


class TestDenyNetFlags:
    def test_a_server_denies_the_whole_list(self):
        flags = SERVER.deny_net_flags().removeprefix("--deny-net=").split(",")
        assert flags[:2] == ["0.0.0.0/8", "10.0.0.0/8"]
        assert {"127.0.0.0/8", "[::1]", "[::]"} <= set(flags)

    def test_a_laptop_leaves_loopback_open_but_for_own_ports(self):
        flags = set(LAPTOP.deny_net_flags().removeprefix("--deny-net=").split(","))
        assert "127.0.0.0/8" not in flags
        assert {"127.0.0.0/8:8280", "[::1]:8280", "[::]", "0.0.0.0/8"} <= flags

    @given(st.sampled_from(["10.1.0.0/16", "192.168.7.4/32", "10.0.0.0/8"]), v4)
    def test_what_deno_is_told_agrees_with_the_policy(self, cidr, ip):
        policy = OutboundPolicy.checked([cidr], "192.0.2.1", [])
        flags = policy.deny_net_flags().removeprefix("--deny-net=").split(",")
        networks = [ipaddress.ip_network(flag) for flag in flags if "[" not in flag and ":" not in flag]
        assert any(ip in network for network in networks) == (policy.judge(str(ip), 1) is not None)


def test_the_runner_is_given_the_resolved_tables():
    tables = msgspec.json.decode(LAPTOP.to_runner_json())
    assert tables == {"denied": list(DENIED), "allowed": list(LOOPBACK), "ownPorts": [8280], "isClosed": False}
    assert msgspec.json.decode(SERVER.to_runner_json())["allowed"] == []


class TestClosed:
    CLOSED = OutboundPolicy.checked(["none"], "127.0.0.1", [8280])

    @given(v4 | v6, ports)
    def test_nothing_may_be_called(self, ip, port):
        assert self.CLOSED.judge(str(ip), port).reason == "nothing may be called"

    def test_deno_is_told_to_deny_everything(self):
        assert self.CLOSED.deny_net_flags() == "--deny-net"
        assert msgspec.json.decode(self.CLOSED.to_runner_json())["isClosed"] is True

    def test_the_word_stands_alone(self):
        with pytest.raises(PolicyError):
            OutboundPolicy.checked(["none", "10.0.0.0/8"], "127.0.0.1", [])
