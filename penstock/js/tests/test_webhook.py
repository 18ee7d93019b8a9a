"""The Webhook destination through a real runner: what is sent, and what each kind of answer comes to."""

import asyncio
import hashlib
import hmac
import json

import pytest
import pytest_asyncio

from penstock.infra.http import OutboundPolicy
from penstock.js import Operation, PoolSettings, RunnerPool, VerdictKind, verdicts
from penstock.testing.receiver import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(bundle):
    """One runner for all tests in here: they ask it for things that leave no trace."""
    async with RunnerPool(OutboundPolicy(own_ports=(8280,)), PoolSettings(runners=1), bundle) as runners:
        yield runners


EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"name": "Größe ₽"}}


class TestRequest:
    async def test_the_receiver_gets_the_event_signed(self, attempt, receiver, webhook_request):
        settings = b'{"sharedSecret":"s3cret-value"}'
        mapping = {"headers": {"X-Team": "blue"}}
        request = webhook_request(receiver.url + "/in", events=[EVENT], settings=settings, mapping=mapping)
        (verdict,) = await attempt(request)
        assert verdict.kind is VerdictKind.DELIVERED
        (received,) = receiver.requests
        assert (received.method, received.path) == ("POST", "/in")
        assert received.json() == EVENT
        assert received.headers["user-agent"] == "Segment (Actions)"
        assert received.headers["x-team"] == "blue"
        signature = hmac.new(b"s3cret-value", received.body, hashlib.sha1).hexdigest()
        assert received.headers["x-signature"] == signature

    async def test_a_batch_is_one_request_with_a_list(self, attempt, receiver, webhook_request):
        events = [{**EVENT, "messageId": str(number)} for number in range(3)]
        request = webhook_request(
            receiver.url, events=events, operation=Operation.BATCH, mapping={"enable_batching": True}
        )
        found = await attempt(request)
        assert [verdict.kind for verdict in found] == [VerdictKind.DELIVERED] * 3
        assert receiver.requests[0].json() == events

    async def test_an_event_spread_over_lines_arrives_whole(self, attempt, receiver, webhook_request):
        await attempt(webhook_request(receiver.url, events=[json.dumps(EVENT, indent=2).encode()]))
        assert receiver.requests[0].json() == EVENT


class TestAnswer:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(200, "delivered"), (204, "delivered"), (400, "permanent"), (401, "permanent"), (500, "retryable")],
    )
    async def test_the_status_decides(self, attempt, receiver, webhook_request, status, kind):
        receiver.answer = lambda _: Reply(status=status, body=b"")
        (verdict,) = await attempt(webhook_request(receiver.url, is_traced=True))
        assert (verdict.kind, verdict.status) == (kind, status)

    async def test_retry_after_is_read(self, attempt, receiver, webhook_request):
        receiver.answer = lambda _: Reply(status=429, headers={"Retry-After": "17"}, body=b"slow down")
        (verdict,) = await attempt(webhook_request(receiver.url))
        assert (verdict.kind, verdict.code, verdict.retry_after_seconds) == (VerdictKind.RETRYABLE, "429", 17)
        assert verdict.exchange.response_body == "slow down"

    async def test_a_receiver_that_stays_silent_is_a_timeout(self, attempt, receiver, webhook_request):
        """FC-54."""
        receiver.answer = lambda _: Reply(status=0)
        (verdict,) = await attempt(webhook_request(receiver.url, timeout_ms=300))
        assert (verdict.kind, verdict.code, verdict.status) == (VerdictKind.RETRYABLE, "ETIMEDOUT", 408)

    async def test_nobody_listening_is_tried_again(self, attempt, receiver, webhook_request):
        receiver.silence()
        (verdict,) = await attempt(webhook_request(receiver.url))
        assert (verdict.kind, verdict.code) == (VerdictKind.RETRYABLE, "ECONNREFUSED")

    async def test_an_endless_answer_is_cut(self, attempt, receiver, webhook_request):
        receiver.answer = lambda _: Reply(body=b"x" * (9 << 20))
        (verdict,) = await attempt(webhook_request(receiver.url))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "ERR_RESPONSE_TOO_LARGE")

    async def test_a_large_answer_is_read_to_its_end(self, attempt, receiver, webhook_request):
        """The unmended clone of node-fetch hangs above some 32 KB."""
        receiver.answer = lambda _: Reply(body=b"x" * (1 << 20))
        (verdict,) = await attempt(webhook_request(receiver.url))
        assert verdict.kind is VerdictKind.DELIVERED

    async def test_an_answer_that_stops_halfway_is_a_timeout(self, pool, webhook_request):
        async def halfway(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(halfway, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            answer = await pool.call(webhook_request(f"http://127.0.0.1:{port}/", timeout_ms=300))
        assert verdicts(answer, 1)[0].code == "ETIMEDOUT"


class TestSample:
    async def test_a_sample_shows_no_secret(self, pool, receiver, webhook_request):
        receiver.answer = lambda _: Reply(status=400, body=b"your key s3cret-value is wrong")
        request = webhook_request(
            receiver.url + "/?api_key=hidden-1&page=2",
            settings=b'{"sharedSecret":"s3cret-value"}',
            mapping={"headers": {"Authorization": "Bearer hidden-2", "X-Api-Key": "hidden-3"}},
        )
        answer = await pool.call(request)
        (exchange,) = answer.exchanges
        shown = str(exchange)
        assert "page=2" in exchange.url
        assert "is wrong" in exchange.response_body
        for secret in ("s3cret-value", "hidden-1", "hidden-2", "hidden-3"):
            assert secret not in shown

    async def test_a_good_call_carries_a_sample_only_when_asked(self, pool, receiver, webhook_request):
        assert (await pool.call(webhook_request(receiver.url))).exchanges == []
        (exchange,) = (await pool.call(webhook_request(receiver.url, is_traced=True))).exchanges
        assert (exchange.status, exchange.method) == (200, "POST")

    async def test_samples_of_calls_in_flight_together_are_not_mixed(self, pool, receiver, webhook_request):
        receiver.answer = lambda request: Reply(status=400, body=request.path.encode(), delay=0.05)
        answers = await asyncio.gather(*(pool.call(webhook_request(f"{receiver.url}/{n}")) for n in range(20)))
        assert [answer.exchanges[0].response_body for answer in answers] == [f"/{n}" for n in range(20)]


class TestOutboundPolicy:
    @pytest.mark.parametrize(
        "url",
        [
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://[::ffff:10.0.0.1]/",
            "http://[fd00::1]/",
            "http://0.0.0.0:9/",
            "http://127.0.0.1:8280/",
            "http://localhost:8280/",
            "http://2130706433:8280/",
            "http://[::1]:8280/",
        ],
    )
    async def test_a_refused_address_is_invalid_settings(self, attempt, webhook_request, url):
        (verdict,) = await attempt(webhook_request(url))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")
        assert "refused by the outbound policy" in verdict.message

    @pytest.mark.parametrize("status", [301, 302, 307])
    async def test_a_redirect_to_a_private_address_is_refused(self, attempt, receiver, webhook_request, status):
        receiver.answer = lambda _: Reply(status=status, headers={"Location": "http://192.168.7.7/inner"})
        (verdict,) = await attempt(webhook_request(receiver.url))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")
        assert "192.168.7.7" in verdict.message

    async def test_without_the_laptop_exception_loopback_is_closed(self, bundle, receiver, webhook_request):
        policy = OutboundPolicy(listens_on_loopback=False)
        async with RunnerPool(policy, PoolSettings(runners=1), bundle) as closed:
            for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
                (verdict,) = verdicts(await closed.call(webhook_request(url)), 1)
                assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")
        assert receiver.requests == []
