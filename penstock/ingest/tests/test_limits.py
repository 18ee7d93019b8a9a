"""Limits in force on a real edge: of connections, of rates, of what waits; and the ways in: TLS, HTTP/2, IPv6."""

import asyncio
import json
import ssl

import httpx
import pytest

from penstock.infra.snapshots import SnapshotStore
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot
from penstock.spec.streams import SNAPSHOTS
from penstock.testing.certificates import self_signed
from penstock.testing.cutting_proxy import CuttingProxy

EVENT = {"userId": "u", "event": "Order Completed"}


def assert_limited(response):
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert response.headers["retry-after"] == response.headers["x-ratelimit-reset"]


class TestQuotas:
    async def test_a_source_above_the_installations_rate_is_told_when_to_come_again(self, start_edge):
        edge = await start_edge({"PENSTOCK_SOURCE_EVENT_RATE": "5"})
        assert (await edge.post("/v1/batch", {"batch": [EVENT] * 50})).status_code == 200
        refused = await edge.post("/v1/track", EVENT)
        assert_limited(refused)
        assert 1 <= int(refused.headers["retry-after"]) <= 10

    async def test_a_quota_of_its_own_is_in_force_when_it_is_published(self, start_edge, own_nats_server):
        from penstock.infra.log import Log

        edge = await start_edge()
        assert (await edge.post("/v1/batch", {"batch": [EVENT] * 50})).status_code == 200
        log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
        limited = SourceSnapshot("source-1", "workspace-1", 2, "s", "S", True, [edge.key], 0, "s", event_rate=3)
        await SnapshotStore(await log.bucket(SNAPSHOTS)).publish(SnapshotKind.SOURCE, limited)
        async with asyncio.timeout(60):
            while (answer := await edge.post("/v1/track", EVENT)).status_code == 200:
                await asyncio.sleep(0.01)
        assert_limited(answer)
        await log.close()


class TestWaiting:
    async def test_more_than_may_wait_for_the_log_is_told_to_come_again(self, start_edge, own_nats_server):
        async with CuttingProxy(own_nats_server.port) as proxy:
            url = f"nats://127.0.0.1:{proxy.port}"
            edge = await start_edge({"PENSTOCK_WAITING_MEGABYTES": "1"}, log_url=url)
            assert (await edge.post("/v1/track", EVENT)).status_code == 200
            proxy.hold_questions()
            large = {"batch": [{**EVENT, "properties": {"x": "y" * 30_000}}] * 15}
            waiting = [asyncio.create_task(edge.post("/v1/batch", large)) for _ in range(4)]
            answers = [await each for each in asyncio.as_completed(waiting)]
            await edge.stop()
        messages = [answer.json()["message"] for answer in answers]
        assert all(answer.status_code == 503 for answer in answers)
        # Two of the four fit into a megabyte; those wait until they are given up.
        assert messages.count("Too many events are being stored at the moment") == 2
        assert [answer.headers["retry-after"] for answer in answers[:2]] == ["1", "1"]


class TestConnections:
    async def test_more_than_may_be_open_wait_until_there_is_room(self, start_edge):
        edge = await start_edge({"PENSTOCK_CONNECTIONS": "16"})
        opened = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(16)]
        waiting = asyncio.create_task(edge.post("/v1/track", EVENT))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        for _, writer in opened[:4]:
            writer.close()
        assert (await asyncio.wait_for(waiting, 60)).status_code == 200
        for _, writer in opened[4:]:
            writer.close()


class TestWaysIn:
    @pytest.fixture
    async def secure(self, start_edge, tmp_path):
        certificate, key = self_signed(tmp_path)
        edge = await start_edge({"PENSTOCK_TLS_CERT": str(certificate), "PENSTOCK_TLS_KEY": str(key)})
        return edge, ssl.create_default_context(cafile=str(certificate))

    @pytest.mark.parametrize(("http2", "version"), [(False, "HTTP/1.1"), (True, "HTTP/2")])
    async def test_tls_carries_both_versions_of_http(self, secure, http2, version):
        edge, trusted = secure
        async with httpx.AsyncClient(verify=trusted, http2=http2, base_url=f"https://localhost:{edge.port}") as client:
            for body in ({"writeKey": edge.key, **EVENT}, b"{"):
                content = body if isinstance(body, bytes) else None
                answer = await client.post("/v1/track", json=None if content else body, content=content)
                assert answer.http_version == version
                assert answer.status_code == (400 if content else 200)
            settings = await client.get(f"/v1/projects/{edge.key}/settings")
            assert settings.json()["integrations"]["Segment.io"]["protocol"] == "https"

    async def test_plain_http_on_a_port_of_tls_gets_nothing(self, secure):
        edge, _ = secure
        with pytest.raises(httpx.HTTPError):
            await edge.post("/v1/track", EVENT)

    async def test_both_families_of_addresses_reach_one_listener(self, start_edge, log):
        edge = await start_edge({"PENSTOCK_HOST": "::"})
        for host in ("127.0.0.1", "[::1]"):
            async with httpx.AsyncClient(base_url=f"http://{host}:{edge.port}") as client:
                answer = await client.post("/v1/track", json={"writeKey": edge.key, **EVENT})
                assert answer.status_code == 200


class TestLeaving:
    async def test_a_stopping_edge_takes_requests_and_says_that_it_goes(self, start_edge):
        edge = await start_edge({"PENSTOCK_LEAVE_SECONDS": "3"})
        edge.process.terminate()
        async with httpx.AsyncClient(base_url=edge.url) as client:
            async with asyncio.timeout(30):
                while (ready := await client.get("/readyz")).status_code == 200:
                    await asyncio.sleep(0.01)
            assert ready.json()["reasons"] == ["the edge is stopping"]
            assert ready.headers["connection"] == "close"
            answer = await client.post("/v1/track", json={"writeKey": edge.key, **EVENT})
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            for path in ("/metrics", "/v1/pixel/page", "/sources"):
                assert (await client.get(path)).headers["connection"] == "close"
        assert await edge.stop() == 0

    async def test_a_request_that_waits_for_a_slow_log_is_answered_before_the_edge_ends(
        self, start_edge, own_nats_server
    ):
        async with CuttingProxy(own_nats_server.port) as proxy:
            edge = await start_edge(log_url=f"nats://127.0.0.1:{proxy.port}")
            proxy.hold_questions()
            waiting = asyncio.create_task(edge.post("/v1/track", EVENT))
            async with asyncio.timeout(30):
                while b" accepted." not in proxy.questions_held:
                    await asyncio.sleep(0.01)
            edge.process.terminate()
            done, _ = await asyncio.wait([waiting], timeout=2.5)
            assert not done
            proxy.release()
            assert (await asyncio.wait_for(waiting, 60)).status_code == 200
            assert await edge.stop() == 0

    async def test_a_body_that_comes_slowly_is_taken_before_the_edge_ends(self, start_edge):
        edge = await start_edge()
        body = json.dumps({"writeKey": edge.key, **EVENT}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        writer.write(head + body[:10])
        await writer.drain()
        await asyncio.sleep(0.3)  # the edge has begun to read
        edge.process.terminate()
        await asyncio.sleep(2.0)  # the pace of the client: longer than a silent connection has at the stop
        writer.write(body[10:])
        assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"HTTP/1.1 200")
        writer.close()
        assert await edge.stop() == 0

    async def test_behind_a_balancer_no_client_sees_an_edge_end(self, start_edge):
        """A balancer that looks at readiness, as they all do; the client counts what goes wrong."""
        edges = [await start_edge({"PENSTOCK_LEAVE_SECONDS": "1"}) for _ in range(2)]
        ready = set(edges)
        stopped = asyncio.Event()
        sent, wrong = 0, []

        async def look():
            async with httpx.AsyncClient(timeout=2) as client:
                while not stopped.is_set():
                    for edge in edges:
                        try:
                            is_ready = (await client.get(f"{edge.url}/readyz")).status_code == 200
                        except httpx.HTTPError:
                            is_ready = False
                        (ready.add if is_ready else ready.discard)(edge)
                    await asyncio.sleep(0.02)

        async def send(number):
            nonlocal sent
            async with httpx.AsyncClient(timeout=10) as client:
                while not stopped.is_set():
                    edge = sorted(ready, key=id)[number % len(ready)]
                    try:
                        answer = await client.post(f"{edge.url}/v1/track", json={"writeKey": edge.key, **EVENT})
                    except httpx.HTTPError as error:
                        wrong.append(repr(error))
                    else:
                        sent += 1
                        if answer.status_code != 200:
                            wrong.append(answer.status_code)
                    await asyncio.sleep(0.01)

        working = [asyncio.create_task(each) for each in (look(), *(send(number) for number in range(8)))]
        while sent < 200:
            await asyncio.sleep(0.01)
        edges[0].process.terminate()
        assert await edges[0].process.wait() == 0
        until = sent + 200
        while sent < until:
            await asyncio.sleep(0.01)
        stopped.set()
        await asyncio.gather(*working)
        assert wrong == []
