import gzip
import time
import zlib

import pytest

from penstock.infra.http import (
    OutboundClient,
    OutboundError,
    OutboundPolicy,
    OutboundRefused,
    OutboundRequest,
    outbound,
)
from penstock.testing.receiver import Receiver, Reply

LAPTOP = OutboundPolicy()


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


async def send(url, policy=LAPTOP, **given):
    client = OutboundClient(policy)
    try:
        return await client.send(OutboundRequest(url, **given))
    finally:
        client.close()


async def test_what_was_asked_for_arrives_and_the_answer_comes_back(receiver):
    receiver.answer = lambda _: Reply(201, {"x-a": "b"}, b"made")
    headers = (("x-key", "k"), ("host", "elsewhere"), ("content-length", "9999"))
    answer = await send(f"{receiver.url}/a?b=c", method="POST", headers=headers, body=b"hello")
    (got,) = receiver.requests
    assert (got.method, got.path, got.body) == ("POST", "/a?b=c", b"hello")
    assert got.headers["x-key"] == "k"
    assert got.headers["host"] == receiver.url.removeprefix("http://")
    assert (answer.status, answer.body, dict(answer.headers)["x-a"]) == (201, b"made", "b")
    assert (answer.url, answer.is_redirected) == (f"{receiver.url}/a?b=c", False)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"long" * 99, mtime=0)), ("deflate", zlib.compress(b"long" * 99)), ("br", b"long" * 99)],
)
async def test_a_packed_answer_is_unpacked(receiver, encoding, packed):
    receiver.answer = lambda _: Reply(200, {"content-encoding": encoding}, packed)
    assert (await send(receiver.url)).body == b"long" * 99


@pytest.mark.parametrize("body", [b"x" * 2000, gzip.compress(b"x" * 2000, mtime=0)], ids=["plain", "packed"])
async def test_an_answer_above_the_limit_is_none(receiver, body):
    headers = {"content-encoding": "gzip"} if body[:1] == b"\x1f" else {}
    receiver.answer = lambda _: Reply(200, headers, body)
    with pytest.raises(OutboundError) as caught:
        await send(receiver.url, answer_bytes=1000)
    assert caught.value.type == "max-size"


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [(302, "POST", "GET", b""), (303, "PUT", "GET", b""), (307, "POST", "POST", b"x"), (301, "GET", "GET", b"")],
)
async def test_redirects_are_followed_as_clients_do(receiver, status, method, then, body):
    receiver.answer = lambda request: Reply(status, {"location": "/b"}) if request.path == "/a" else Reply(200)
    answer = await send(f"{receiver.url}/a", method=method, body=b"" if method == "GET" else b"x")
    assert (receiver.requests[1].method, receiver.requests[1].body) == (then, body)
    assert (answer.url, answer.is_redirected) == (f"{receiver.url}/b", True)


async def test_a_redirect_to_what_is_no_address_is_an_error(receiver):
    receiver.answer = lambda _: Reply(302, headers={"location": "http://[nowhere"})
    with pytest.raises(OutboundError, match="invalid redirect URL") as caught:
        await send(receiver.url)
    assert (caught.value.type, caught.value.code) == ("invalid-redirect", "ERR_INVALID_URL")


async def test_redirects_can_be_refused_shown_or_without_end(receiver):
    receiver.answer = lambda _: Reply(302, {"location": "/again"})
    assert (await send(receiver.url, redirect="manual")).status == 302
    for mode, type_ in (("error", "no-redirect"), ("follow", "max-redirect")):
        with pytest.raises(OutboundError) as caught:
            await send(receiver.url, redirect=mode, hops=3)
        assert caught.value.type == type_


async def test_credentials_do_not_travel_to_another_host(receiver):
    with Receiver() as other:
        receiver.answer = lambda _: Reply(302, {"location": f"{other.url}/b"})
        await send(receiver.url, headers=(("Authorization", "secret"), ("Cookie", "c"), ("x-a", "b")))
        (got,) = other.requests
    assert not {"authorization", "cookie"} & set(got.headers)
    assert got.headers["x-a"] == "b"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_loopback_is_refused_by_every_name_where_it_is_not_allowed(receiver, host):
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(OutboundError):
        await send(f"http://{host}:{port}/", OutboundPolicy(listens_on_loopback=False))
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]", "[64:ff9b::a00:1]"])
async def test_private_addresses_are_refused_without_a_connection(host):
    began = time.monotonic()
    with pytest.raises(OutboundRefused, match="outbound policy"):
        await send(f"http://{host}/")
    assert time.monotonic() - began < 2


async def test_every_hop_is_judged(receiver):
    receiver.answer = lambda _: Reply(302, {"location": "http://169.254.169.254/latest/meta-data"})
    with pytest.raises(OutboundRefused, match=r"169\.254"):
        await send(receiver.url)


async def test_own_ports_are_refused_where_loopback_is_not(receiver):
    port = int(receiver.url.rpartition(":")[2])
    with pytest.raises(OutboundRefused, match="Penstock itself"):
        await send(receiver.url, OutboundPolicy(own_ports=(port,)))


async def test_a_name_is_looked_up_once_and_its_good_address_is_used(receiver, monkeypatch):
    """Rebinding: a second look-up would answer something else."""
    port = int(receiver.url.rpartition(":")[2])
    answers = [["169.254.169.254", "127.0.0.1"], ["10.0.0.1"]]

    def look_up(name, wanted, **_):
        assert name == "rebinding.example"
        return [(2, 1, 6, "", (address, wanted)) for address in answers.pop(0)]

    monkeypatch.setattr(outbound.socket, "getaddrinfo", look_up)
    real = outbound.socket.create_connection

    def connect(address, timeout):
        monkeypatch.undo()
        assert address == ("127.0.0.1", port)
        return real(address, timeout)

    monkeypatch.setattr(outbound.socket, "create_connection", connect)
    assert (await send(f"http://rebinding.example:{port}/")).status == 200


async def test_a_closed_policy_looks_up_nothing():
    with pytest.raises(OutboundRefused, match="nothing may be called"):
        await send("http://example.com/", OutboundPolicy(is_closed=True))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "http://", "http://a:99999/", "data:,x", "http://[/"]
)
async def test_other_schemes_and_broken_addresses_are_refused(url):
    with pytest.raises(OutboundError):
        await send(url)


@pytest.mark.parametrize("header", [("x", "a\r\nhost: b"), ("x\r\ny", "a")])
async def test_a_header_cannot_hold_another(receiver, header):
    with pytest.raises(OutboundError) as caught:
        await send(receiver.url, headers=(header,))
    assert caught.value.code == "ERR_INVALID_CHAR"
    assert receiver.requests == []


async def test_silence_ends_at_the_time_limit_and_holds_no_thread(receiver):
    receiver.answer = lambda _: Reply(0)
    client = OutboundClient(LAPTOP)
    for _ in range(3):
        with pytest.raises(OutboundError) as caught:
            await client.send(OutboundRequest(receiver.url, seconds=0.2))
        assert (caught.value.code, caught.value.type) == ("ETIMEDOUT", "request-timeout")
    client._threads.shutdown(wait=True)


async def test_nobody_there_is_told_as_node_tells_it(receiver):
    receiver.silence()
    with pytest.raises(OutboundError) as caught:
        await send(receiver.url)
    assert caught.value.code == "ECONNREFUSED"
