"""A real edge process over HTTP, in front of a real log."""

import asyncio
import gzip
import json
import os
import re
import signal
import sys
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.infra.calls import CallClient
from penstock.infra.log import Log
from penstock.spec.calls import RoleStatus, StatusReport
from penstock.testing.cutting_proxy import CuttingProxy
from penstock.testing.instance import is_alive

EVENT = {"userId": "u", "event": "Order Completed"}
SUCCESS = b'{"success":true}'
CALLS = ["track", "identify", "page", "screen", "group", "alias"]


def assert_refused(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert body["success"] is False
    assert body["code"] == code
    assert body["message"] == body["error"] != ""
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"]


class TestRoutes:
    @pytest.mark.parametrize("call", CALLS)
    async def test_each_call_is_taken_under_its_long_and_short_path(self, edge, log, call):
        start = await edge.next_sequence(log)
        for path in (f"/v1/{call}", f"/v1/{call}/", f"/v1/{call[0]}", f"/v1/{call[0]}/"):
            response = await edge.post(path, EVENT)
            assert (response.status_code, response.content) == (200, SUCCESS)
            assert response.headers["content-type"] == "application/json"
            assert "date" in response.headers
        assert [record.call for record, _, _ in await edge.events_of(log, start)] == [call] * 4

    @pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/import/"])
    async def test_a_batch_is_taken_under_each_of_its_paths(self, edge, log, path):
        start = await edge.next_sequence(log)
        response = await edge.post(path, {"batch": [{"type": "track", **EVENT}, {"type": "page"}], "sentAt": "2030"})
        assert response.content == SUCCESS
        events = await edge.events_of(log, start)
        assert [record.call for record, _, _ in events] == ["batch", "batch"]
        assert events[0][0].sent_at == b'"2030"'

    async def test_another_method_is_refused(self, edge):
        async with httpx.AsyncClient(base_url=edge.url) as client:
            assert_refused(await client.get("/v1/track"), 405, "method_not_allowed")


class TestKeys:
    async def test_unknown_keys_are_taken_and_implausible_ones_refused(self, edge, log):
        """FC-01."""
        start = await edge.next_sequence(log)
        unknown = "X" * 32
        assert (await edge.post("/v1/track", EVENT, key=unknown)).content == SUCCESS
        assert_refused(await edge.post("/v1/track", EVENT, key="abc123"), 400, "invalid_write_key")
        assert_refused(await edge.post("/v1/track", EVENT, key=""), 400, "missing_write_key")
        assert_refused(await edge.post("/v1/track", EVENT, key=None), 400, "missing_write_key")
        assert [record.write_key for record, _, _ in await edge.events_of(log, start)] == [unknown]
        client = CallClient(log)
        status = await client.ask(RoleStatus(), StatusReport, deadline_seconds=5, role="edge")
        assert status.details["unknownKeys"][unknown] >= 1
        assert status.state == "ready"
        assert status.counts["refused.invalid_write_key"] >= 1

    async def test_the_header_goes_before_the_body(self, edge, log):
        start = await edge.next_sequence(log)
        body_key = "bodyKEY0123456789abcdefghijklmno"
        await edge.post("/v1/track", {**EVENT, "writeKey": body_key})
        await edge.post("/v1/track", {**EVENT, "writeKey": body_key}, key=None)
        await edge.post("/v1/batch", {"batch": [EVENT], "writeKey": body_key}, {"Authorization": "Bearer x"}, key=None)
        assert [record.write_key for record, _, _ in await edge.events_of(log, start)] == [edge.key, body_key, body_key]

    async def test_unknown_keys_above_the_rate_are_told_when_to_come_again(self, start_edge):
        edge = await start_edge({"PENSTOCK_UNKNOWN_KEY_RATE": "5"})
        assert (await edge.post("/v1/batch", {"batch": [EVENT] * 105}, key="Y" * 32)).status_code == 200
        refused = await edge.post("/v1/track", EVENT, key="Y" * 32)
        assert_refused(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 21
        assert refused.headers["x-ratelimit-reset"] == refused.headers["retry-after"]
        assert (await edge.post("/v1/track", EVENT)).status_code == 200


class TestLimits:
    async def test_batches_of_every_allowed_size_are_taken(self, edge, log):
        """FC-07 a, b, d."""
        start = await edge.next_sequence(log)
        large = [{"messageId": f"l{number}", "a": "x" * 31 * 1024} for number in range(16)]
        assert (await edge.post("/v1/batch", {"batch": large})).status_code == 200
        mixed = [{"messageId": "s1"}, {"messageId": "big", "a": "x" * 33 * 1024}, {"messageId": "s2"}]
        assert (await edge.post("/v1/batch", {"batch": mixed})).status_code == 200
        many = [{"messageId": f"n{number}"} for number in range(2501)]
        assert (await edge.post("/v1/batch", {"batch": many})).status_code == 200
        frames = await edge.frames(log, start)
        ids = [row.message_id for _, head, _ in frames for row in head.rows]
        assert ids == [f"l{n}" for n in range(16)] + ["s1", "s2"] + [f"n{n}" for n in range(2500)]
        assert [request.left_out for _, head, _ in frames for request in head.requests] == [
            {},
            {"event_too_large": 1},
            {"batch_limit_exceeded": 1},
        ]

    @pytest.mark.parametrize(("size", "status"), [(511_999, 200), (512_000, 200), (512_001, 400)])
    async def test_the_limit_of_a_batch_is_exact(self, edge, size, status):
        """FC-07 c."""
        body = b'{"batch":[{"messageId":"x"}]}'
        response = await edge.post("/v1/batch", body + b" " * (size - len(body)))
        if status == 200:
            assert response.content == SUCCESS
        else:
            assert_refused(response, 400, "payload_too_large")

    @pytest.mark.parametrize(("size", "status"), [(32_768, 200), (32_769, 400)])
    @pytest.mark.parametrize("is_packed", [False, True])
    async def test_the_limit_of_one_event_is_exact_and_holds_after_decompression(self, edge, size, status, is_packed):
        body = json.dumps(EVENT).encode()
        body += b" " * (size - len(body))
        headers = {"Content-Encoding": "gzip"} if is_packed else {}
        response = await edge.post("/v1/track", gzip.compress(body) if is_packed else body, headers)
        assert response.status_code == status

    async def test_an_oversize_batch_gets_an_error_that_sdks_can_read(self, edge):
        """FC-10."""
        for body in (b"x" * 600_000, b"x" * 3_000_000):
            assert_refused(await edge.post("/v1/batch", body), 400, "payload_too_large")
        assert_refused(
            await edge.post("/v1/import", gzip.compress(b"x" * 600_000), {"Content-Encoding": "gzip"}),
            400,
            "payload_too_large",
        )

    async def test_bombs_leave_memory_as_it_was(self, edge):
        bomb = gzip.compress(b"\0" * (20 << 20))
        await edge.post("/v1/batch", bomb, {"Content-Encoding": "gzip"})
        before = edge.resident_megabytes()
        for _ in range(20):
            response = await edge.post("/v1/batch", bomb, {"Content-Encoding": "gzip"})
            assert response.status_code == 400
        assert edge.resident_megabytes() < before + 20


class TestBodies:
    @pytest.mark.parametrize(
        "content_type", ["text/plain;charset=UTF-8", "application/json; charset=utf-8", "x/y", None]
    )
    async def test_any_content_type_is_read_as_json(self, edge, content_type):
        headers = {"Content-Type": content_type} if content_type else {}
        assert (await edge.post("/v1/track", json.dumps(EVENT).encode(), headers)).content == SUCCESS

    async def test_packed_and_chunked_bodies_are_read(self, edge, log):
        start = await edge.next_sequence(log)
        packed = gzip.compress(json.dumps({"writeKey": edge.key, "batch": [{"messageId": "kotlin"}]}).encode())

        async def pieces():
            for place in range(0, len(packed), 20):
                yield packed[place : place + 20]

        response = await edge.post("/v1/b", pieces(), {"Content-Encoding": "gzip"}, key=None)
        assert response.content == SUCCESS
        assert [row.message_id for _, row, _ in await edge.events_of(log, start)] == ["kotlin"]

    async def test_bad_encodings_are_refused(self, edge):
        assert_refused(await edge.post("/v1/track", b"{}", {"Content-Encoding": "gzip"}), 400, "invalid_gzip")
        assert_refused(await edge.post("/v1/track", b"{}", {"Content-Encoding": "br"}), 400, "unsupported_encoding")

    async def test_a_page_that_unloads_is_answered_with_cors_headers_also_on_errors(self, edge):
        """FC-23."""
        headers = {"Origin": "https://shop.example", "Content-Type": "text/plain;charset=UTF-8"}
        body = {"writeKey": edge.key, "batch": [{"messageId": f"m{n}", "a": "x" * 1000} for n in range(60)]}
        taken = await edge.post("/v1/b", json.dumps(body).encode(), headers, key=None)
        refused = await edge.post("/v1/b", b"{", headers, key=None)
        assert (taken.status_code, refused.status_code) == (200, 400)
        for response in (taken, refused):
            assert response.headers["access-control-allow-origin"] == "https://shop.example"
            assert response.headers["access-control-allow-credentials"] == "true"
            assert response.headers["vary"] == "Origin"
            assert "Retry-After" in response.headers["access-control-expose-headers"]

    async def test_a_preflight_allows_what_the_browser_asks_for(self, edge):
        async with httpx.AsyncClient(base_url=edge.url) as client:
            headers = {"Origin": "https://a.example", "Access-Control-Request-Headers": "authorization,x-mine"}
            response = await client.options("/v1/t", headers=headers)
        assert response.status_code == 204
        assert response.headers["access-control-allow-headers"] == "authorization,x-mine"
        assert response.headers["access-control-allow-methods"] == "POST, GET, OPTIONS"
        assert response.headers["access-control-max-age"] == "86400"


class TestIds:
    async def test_message_ids_are_kept_verbatim_or_made(self, edge, log):
        """FC-17."""
        start = await edge.next_sequence(log)
        for identifier in ("order-77-paid", "m" * 101, "", 5):
            await edge.post("/v1/track", {**EVENT, "messageId": identifier})
        rows = [row for _, row, _ in await edge.events_of(log, start)]
        assert [row.message_id for row in rows[:2]] == ["order-77-paid", "m" * 101]
        assert [row.made_id for row in rows] == [False, False, True, True]
        assert all(len(row.message_id) == 36 for row in rows[2:])

    async def test_a_batch_without_ids_and_times_keeps_its_order_and_one_time(self, edge, log):
        """FC-20."""
        start = await edge.next_sequence(log)
        await edge.post("/v1/batch", {"batch": [{**EVENT, "n": number} for number in range(12)]})
        events = await edge.events_of(log, start)
        assert [json.loads(raw)["n"] for _, _, raw in events] == list(range(12))
        assert len({row.message_id for _, row, _ in events}) == 12
        assert len({record.received_at for record, _, _ in events}) == 1
        assert abs(events[0][0].received_at - time.time() * 1000) < 60_000

    async def test_big_numbers_stay_as_they_were_sent(self, edge, log):
        """FC-21."""
        start = await edge.next_sequence(log)
        body = (
            b'{"userId":"u","event":"E","properties":{"a":9007199254740993,"b":9223372036854775808,"c":1.10,"d":1E5}}'
        )
        await edge.post("/v1/track", body)
        ((_, _, raw),) = await edge.events_of(log, start)
        assert raw == body

    async def test_bad_elements_do_not_cost_the_good_ones(self, edge, log):
        """FC-05: the edge takes all; each gets its outcome in the pipeline."""
        start = await edge.next_sequence(log)
        batch = [{"type": "track", **EVENT}, {"type": "nonsense"}, 5, {"type": "track"}, {"type": "page", "userId": 7}]
        assert (await edge.post("/v1/batch", {"batch": batch})).content == SUCCESS
        assert len(await edge.events_of(log, start)) == 5


class TestAnswers:
    async def test_a_lost_answer_leaves_the_batch_stored_and_a_repeat_is_taken(self, edge, log):
        """FC-12: the pipeline drops the second one by its message ids."""
        start = await edge.next_sequence(log)
        body = {"batch": [{"messageId": "once", **EVENT}]}
        async with CuttingProxy(edge.port) as proxy, httpx.AsyncClient(auth=(edge.key, "")) as client:
            proxy.cut_at_answer(b"success")
            with pytest.raises(httpx.TransportError):
                await client.post(f"http://127.0.0.1:{proxy.port}/v1/batch", json=body)
            again = await client.post(f"http://127.0.0.1:{proxy.port}/v1/batch", json=body)
        assert again.content == SUCCESS
        assert [row.message_id for _, row, _ in await edge.events_of(log, start)] == ["once", "once"]

    async def test_received_at_never_goes_back_and_frames_are_numbered_without_gap(self, edge, log):
        await asyncio.gather(*[edge.post("/v1/track", EVENT) for _ in range(30)])
        heads = [head for _, head, _ in await edge.frames(log)]
        times = [request.received_at for head in heads for request in head.requests]
        assert times == sorted(times)
        assert [head.number for head in heads] == list(range(1, len(heads) + 1))
        assert len({head.writer for head in heads}) == 1

    async def test_peer_and_agent_are_recorded(self, edge, log):
        start = await edge.next_sequence(log)
        await edge.post("/v1/track", EVENT, {"User-Agent": "a" * 2000, "X-Forwarded-For": "198.51.100.1"})
        ((record, _, _),) = await edge.events_of(log, start)
        assert (record.peer, record.user_agent) == ("127.0.0.1", "a" * 512)

    async def test_a_trusted_proxy_that_adds_a_line_of_its_own_is_believed_not_what_the_client_sent(
        self, start_edge, own_nats_server
    ):
        edge = await start_edge({"PENSTOCK_TRUSTED_PROXIES": "127.0.0.0/8"})
        forwarded = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.1")]
        assert (await edge.post("/v1/track", EVENT, forwarded)).status_code == 200
        log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
        ((record, _, _),) = await edge.events_of(log)
        await log.close()
        assert record.peer == "198.51.100.1"

    async def test_it_tells_its_health_and_counts(self, edge):
        async with httpx.AsyncClient(base_url=edge.url) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}
            assert "penstock_edge_events_total" in (await client.get("/metrics")).text

    async def test_it_tells_what_is_free_on_the_disk_of_an_embedded_log_engine(self, start_edge):
        edge = await start_edge({"PENSTOCK_LOG_IS_EMBEDDED": "1"})
        async with httpx.AsyncClient(base_url=edge.url) as client:
            metrics = (await client.get("/metrics")).text
        assert "# TYPE penstock_edge_disk_free_bytes gauge" in metrics
        assert int(re.search(r"^penstock_edge_disk_free_bytes (\d+)$", metrics, re.MULTILINE)[1]) > 0


ODD_BODIES = [
    *(b"", b"null", b"\xef\xbb\xbf{}", b'{"a":NaN}', b'{"a":1,"a":{"a":[]}}'),
    *(b'{"userId":"\\ud800"}', b'{"userId":"\xed\xa0\x80"}', b'{"userId":"\xff"}'),
    *(b"[" * 30_000, b'{"a":' * 5_000, b'"' + b"\\" * 20_000, b'{"n":' + b"9" * 20_000 + b"}", b'{"n":1e999999}'),
]
hostile = st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | st.sampled_from(ODD_BODIES)


class TestHostileInput:
    @settings(max_examples=settings().max_examples // 2, suppress_health_check=list(HealthCheck))
    @given(body=hostile, header=st.sampled_from([{}, {"Content-Encoding": "gzip"}, {"Authorization": "Basic ???"}]))
    async def test_nothing_makes_it_fail_or_hang(self, edge, body, header):
        wrapped = [body, b'{"batch":[' + body + b"]}", b'{"properties":' + body + b"}", gzip.compress(body)]
        before = edge.resident_megabytes()
        async with httpx.AsyncClient(base_url=edge.url, timeout=60) as client:
            for number, path in enumerate(["/v1/track", "/v1/batch", "/v1/alias/", "/v1/import"]):
                auth = {"Authorization": "Basic a25vd25LRVkwMTIzNDU2Nzg5YWJjZGVmZ2hpamtsbW46"}
                response = await client.post(path, content=wrapped[number], headers={**auth, **header})
                assert response.status_code in (200, 400), response.text
        assert edge.resident_megabytes() < before + 30


class TestLife:
    async def test_sigterm_answers_what_is_in_work_and_ends(self, start_edge, own_nats_server):
        edge = await start_edge()
        os.kill(own_nats_server.pid, signal.SIGSTOP)
        try:
            posted = asyncio.create_task(edge.post("/v1/track", EVENT))
            async with asyncio.timeout(60), httpx.AsyncClient(base_url=edge.url) as client:
                while "penstock_edge_waiting_bytes 0\n" in (await client.get("/metrics")).text:
                    await asyncio.sleep(0.02)
            edge.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                while await _answers(edge.port):
                    await asyncio.sleep(0.02)
        finally:
            os.kill(own_nats_server.pid, signal.SIGCONT)
        assert (await posted).content == SUCCESS
        async with asyncio.timeout(15):  # another SIGTERM now could meet an interpreter that is past its handlers
            assert await edge.process.wait() == 0

    async def test_a_second_edge_does_not_share_the_port(self, start_edge):
        first = await start_edge()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "penstock.processes.edge", env=first._environment, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(20):
            _, errors = await process.communicate()
        assert process.returncode == 1
        assert b"Address already in use" in errors

    async def test_it_dies_with_its_parent(self, start_edge, tmp_path):
        edge = await start_edge()
        await edge.stop()
        script = (
            "import os, subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-m', 'penstock.processes.edge'],"
            " env={**os.environ, 'PENSTOCK_PARENT_PID': str(os.getpid())})\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, env=edge._environment, stdout=asyncio.subprocess.PIPE
        )
        pid = int(await parent.stdout.readline())
        async with asyncio.timeout(20):
            while not await _answers(edge.port):
                await asyncio.sleep(0.05)
            parent.kill()
            await parent.wait()
            while is_alive(pid):
                await asyncio.sleep(0.02)
        assert not await _answers(edge.port)

    @pytest.mark.torture
    async def test_while_the_log_is_down_clients_get_503_in_time(self, start_edge, own_nats_server):
        edge = await start_edge()
        await own_nats_server.kill()
        started = time.monotonic()
        response = await edge.post("/v1/track", EVENT)
        assert 5 < time.monotonic() - started < 13
        assert_refused(response, 503, "unavailable")
        assert response.headers["retry-after"]
        await own_nats_server.start()
        async with asyncio.timeout(20):
            while (await edge.post("/v1/track", EVENT)).status_code != 200:
                await asyncio.sleep(0.1)

    async def test_a_kill_between_store_and_answer_loses_nothing(self, start_edge, own_nats_server, tmp_path):
        (tmp_path / "edge.before_answer").write_text("stop")
        edge = await start_edge({"PENSTOCK_FAULTS_DIR": str(tmp_path)})
        posted = asyncio.create_task(edge.post("/v1/track", {**EVENT, "messageId": "m1"}))
        async with asyncio.timeout(60):
            while not list(tmp_path.glob("edge.before_answer.*")):
                await asyncio.sleep(0.02)
        edge.process.kill()
        with pytest.raises(httpx.TransportError):
            await posted
        await edge.process.wait()
        await edge.start()
        assert (await edge.post("/v1/track", {**EVENT, "messageId": "m1"})).content == SUCCESS
        log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
        frames = await edge.frames(log)
        await log.close()
        assert [[row.message_id for row in head.rows] for _, head, _ in frames] == [["m1"], ["m1"]]
        assert [head.number for _, head, _ in frames] == [1, 1]

    async def test_events_of_one_person_stay_in_one_shard(self, start_edge, own_nats_server):
        edge = await start_edge(shards=3)
        batch = [
            {"messageId": f"{visitor}-{n}", "anonymousId": f"a{visitor}"} for n in range(3) for visitor in range(9)
        ]
        assert (await edge.post("/v1/batch", {"batch": batch})).content == SUCCESS
        log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
        found = [[row.message_id for _, row, _ in await edge.events_of(log, shard=shard)] for shard in range(3)]
        await log.close()
        assert sorted(identifier for ids in found for identifier in ids) == sorted(
            event["messageId"] for event in batch
        )
        assert sum(1 for ids in found if ids) > 1
        for visitor in range(9):
            (shard,) = [ids for ids in found if f"{visitor}-0" in ids]
            assert [i for i in shard if i.startswith(f"{visitor}-")] == [f"{visitor}-{n}" for n in range(3)]


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
