"""The reverse proxy in a real edge process, in front of a scripted HTTP server in the place of the control API."""

import asyncio
import http.client
import json
import ssl

import httpx
import pytest
import pytest_asyncio

from penstock.ingest.upstream import UpstreamError, parse_head
from penstock.testing.certificates import self_signed


class Control:
    """Answers requests by their path and remembers what came in."""

    def __init__(self) -> None:
        self.heads: list[list[str]] = []
        self.bodies: list[int] = []
        self.connections = 0
        self.ended = 0
        self.is_slow_reader = asyncio.Event()
        self.is_slow_reader.set()

    async def start(self, port: int = 0) -> None:
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()

    async def _connected(self, reader, writer) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.close()

    async def _answer(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        self.heads.append(head)
        path = head[0].split(" ")[1]
        if path == "/early":
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            while await reader.read(1 << 16):  # else the rest of the body makes a reset that overtakes the answer
                pass
            return False
        await self.is_slow_reader.wait()
        self.bodies.append(await self._read_body(reader, headers))
        if path == "/chunked":
            writer.write(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\n"
            )
            for number in range(40):
                piece = b"%07d" % number * 1000
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif path in ("/endless", "/flood"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            for _ in range(4_096 if path == "/flood" else 0):
                writer.write(b"10000\r\n%b\r\n" % (b"f" * 65_536))
                await writer.drain()
            await reader.read()
            return False
        elif path == "/until-close":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000)
            return False
        elif path == "/dies":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\nabc")
            return False
        elif path == "/dies-soon":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc")
            return False
        elif path == "/not-http":
            writer.write(b"hello\r\n\r\n")
            return False
        elif path == "/none":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
        elif path == "/large":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"y" * 3_000_000)
        else:
            body = json.dumps({"data": path}).encode()
            extra = "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            is_head = head[0].startswith("HEAD")
            writer.write(
                f"HTTP/1.1 201 Created\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
                + (b"" if is_head else body)
            )
        await writer.drain()
        return True

    async def _read_body(self, reader, headers) -> int:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return len(await reader.readexactly(int(headers.get("content-length", 0))))
        total = 0
        while size := int(await reader.readline(), 16):
            total += len(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return total


@pytest_asyncio.fixture
async def control():
    control = Control()
    await control.start()
    yield control
    await control.stop()


@pytest_asyncio.fixture
async def client(start_edge, control):
    edge = await start_edge({"PENSTOCK_CONTROL_PORT": str(control.port), "PENSTOCK_TRUSTED_PROXIES": "127.0.0.2/32"})
    async with httpx.AsyncClient(base_url=edge.url, timeout=20) as client:
        yield client


class TestControlProxy:
    """One test, several claims: an edge of its own costs a second."""

    async def test_requests_and_answers_pass_as_they_are(self, client, control):
        for number in range(5):
            response = await client.get(f"/sources/a%20b/{number}?pagination.count=1&x=%2F")
            assert response.status_code == 201
            assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
            assert response.json() == {"data": f"/sources/a%20b/{number}?pagination.count=1&x=%2F"}
        assert control.connections == 1
        response = await client.head("/sources")
        assert (response.status_code, response.content) == (201, b"")
        assert (await client.get("/none")).status_code == 204
        for path, size in (("/large", 3_000_000), ("/until-close", 100_000)):
            assert len((await client.get(path)).content) == size
        response = await client.get("/chunked")
        assert response.content == b"".join(b"%07d" % number * 1000 for number in range(40))
        assert "x-hop" not in response.headers

    async def test_bodies_are_streamed_up(self, client, control):
        async def pieces():
            for _ in range(50):
                yield b"x" * 20_000

        assert (await client.post("/functions", content=pieces())).status_code == 201
        assert (await client.post("/functions", content=b"y" * 300_000)).status_code == 201
        assert (await client.post("/functions", json={})).status_code == 201
        assert control.bodies == [1_000_000, 300_000, 2]
        response = await client.post("/early", content=pieces())
        assert (response.status_code, response.content) == (413, b"big")

    async def test_over_http_2_bodies_pass_with_and_without_a_length(self, start_edge, control, tmp_path):
        async def pieces():
            for _ in range(5):
                yield b"x" * 20_000

        certificate, key = self_signed(tmp_path)
        tls = {"PENSTOCK_TLS_CERT": str(certificate), "PENSTOCK_TLS_KEY": str(key)}
        edge = await start_edge({"PENSTOCK_CONTROL_PORT": str(control.port), **tls})
        trusted, address = ssl.create_default_context(cafile=str(certificate)), f"localhost:{edge.port}"
        async with httpx.AsyncClient(verify=trusted, http2=True, base_url=f"https://{address}") as client:
            for content in (pieces(), b"y" * 300, b""):
                assert (await client.post("/functions", content=content)).status_code == 201
            answer = await client.get("/sources")
            assert (answer.status_code, answer.http_version) == (201, "HTTP/2")
            assert (await client.delete("/sources/1")).status_code == 201
        assert control.bodies == [100_000, 300, 0, 0, 0]
        for head in control.heads:
            assert {f"host: {address}", f"x-forwarded-host: {address}", "x-forwarded-proto: https"} <= set(head)

    async def test_half_a_request_is_not_left_waiting(self, client, control):
        _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        async with asyncio.timeout(30):
            while not control.heads:
                await asyncio.sleep(0.02)
            writer.close()
            while control.ended == 0:
                await asyncio.sleep(0.02)
        assert control.bodies == []

    async def test_hop_headers_stay_here_and_the_sender_is_told(self, client, control):
        headers = {
            "Connection": "keep-alive, X-Mine",
            "X-Mine": "1",
            "Authorization": "Bearer t",
            "X-Forwarded-For": "1.2.3.4",
        }
        await client.get("/x", headers={**headers, "Host": "penstock.example"})
        sent = [line.lower() for line in control.heads[-1]]
        assert "authorization: bearer t" in sent
        assert "host: penstock.example" in sent
        assert "x-forwarded-for: 127.0.0.1" in sent
        assert "x-forwarded-proto: http" in sent
        assert "x-forwarded-host: penstock.example" in sent
        assert not any(line.startswith(("x-mine", "connection", "transfer-encoding")) for line in sent)

    async def test_without_an_answer_it_is_503_and_collection_goes_on(self, client, control):
        for path in ("/not-http", "/dies-soon"):
            assert (await client.get(path)).status_code == 503
        with pytest.raises(httpx.TransportError):
            await client.get("/dies")
        await client.get("/x")
        await control.stop()
        for task in asyncio.all_tasks():
            if "_connected" in repr(task):
                task.cancel()
        await asyncio.sleep(0.05)
        for _ in range(2):
            response = await client.get("/sources")
            assert response.status_code == 503
            assert response.json()["errors"][0]["type"] == "service-unavailable"
        event = {"writeKey": "k" * 32, "userId": "u", "event": "E"}
        assert (await client.post("/v1/track", json=event)).status_code == 200
        await control.start(control.port)
        assert (await client.get("/sources")).status_code == 201

    async def test_a_body_that_control_does_not_read_does_not_pile_up(self, start_edge, control):
        edge = await start_edge({"PENSTOCK_CONTROL_PORT": str(control.port)})
        control.is_slow_reader.clear()
        before = edge.resident_megabytes()
        connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=20)
        posting = asyncio.create_task(asyncio.to_thread(connection.request, "POST", "/x", b"x" * (64 << 20)))
        await asyncio.sleep(1)
        assert edge.resident_megabytes() < before + 24
        control.is_slow_reader.set()
        await posting
        assert (await asyncio.to_thread(connection.getresponse)).status == 201
        assert control.bodies == [64 << 20]
        connection.close()


class TestAnswersWithoutAnEnd:
    async def test_each_piece_comes_at_once_and_a_client_that_leaves_ends_the_answer(self, client, control):
        async with asyncio.timeout(60):
            async with client.stream("GET", "/endless") as response:
                assert await anext(response.aiter_bytes()) == b"first"
                assert control.ended == 0
            while control.ended == 0:
                await asyncio.sleep(0.02)

    async def test_an_answer_that_the_client_does_not_read_does_not_pile_up(self, start_edge, control):
        edge = await start_edge({"PENSTOCK_CONTROL_PORT": str(control.port)})
        before = edge.resident_megabytes()
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=1 << 16)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(1)
        assert edge.resident_megabytes() < before + 24
        writer.close()
        async with asyncio.timeout(60):
            while control.ended == 0:
                await asyncio.sleep(0.02)


class TestParseHead:
    def test_names_are_lower_case_and_values_kept(self):
        head = parse_head(b"HTTP/1.1 200 OK\r\nX-A: b: c\r\nContent-Length:5\r\n\r\n")
        assert (head.status, head.headers) == (200, [("x-a", "b: c"), ("content-length", "5")])

    @pytest.mark.parametrize("data", [b"hello\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"])
    def test_what_is_no_answer_is_refused(self, data):
        with pytest.raises(UpstreamError):
            parse_head(data)
