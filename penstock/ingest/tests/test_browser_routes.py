"""The paths of browsers and phones, on a real edge that has no control API behind it."""

import base64
import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.ingest.browser.pixels import GIF
from penstock.ingest.tracking import ROUTES

CALLS = ["track", "identify", "page", "screen", "group", "alias"]
EVENT = {"userId": "u", "event": "Seen", "properties": {"n": 12345678901234567890}}


@pytest.fixture
async def client(edge):
    async with httpx.AsyncClient(base_url=edge.url, timeout=20) as made:
        yield made


def assert_gif(response):
    assert (response.status_code, response.content) == (200, GIF)
    assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/gif", "no-store")


class TestPixels:
    @pytest.mark.parametrize("call", CALLS)
    async def test_each_call_is_stored_before_the_image_is_given(self, edge, log, client, call):
        start = await edge.next_sequence(log)
        data = base64.urlsafe_b64encode(json.dumps({**EVENT, "writeKey": edge.key}).encode()).decode().rstrip("=")
        for slash in ("", "/"):
            assert_gif(await client.get(f"/v1/pixel/{call}{slash}?data={data}"))
        found = await edge.events_of(log, start)
        assert [(record.call, record.write_key) for record, _, _ in found] == [(call, edge.key)] * 2
        assert {(record.is_client, record.peer) for record, _, _ in found} == {(True, "127.0.0.1")}
        event = json.loads(found[0][2])
        assert event["properties"] == EVENT["properties"]
        assert event["context"]["userAgent"].startswith("python-httpx")

    @pytest.mark.parametrize(
        "query", ["", "?data=%", "?data=W10", "?userId=u", "?writeKey=short", "?" + "a=1&" * 2_000]
    )
    async def test_whatever_is_wrong_is_answered_with_the_image_and_stores_nothing(self, edge, log, client, query):
        start = await edge.next_sequence(log)
        assert_gif(await client.get(f"/v1/pixel/track{query}"))
        assert await edge.events_of(log, start) == []

    async def test_other_methods_get_the_image_too(self, client):
        assert_gif(await client.post("/v1/pixel/track", content=b"{}"))
        assert (await client.head("/v1/pixel/track")).status_code == 200

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(st.characters(codec="ascii"), max_size=300))
    async def test_hostile_queries_are_answered_with_the_image(self, client, query):
        assert_gif(await client.get("/v1/pixel/identify", params={"data": query}))


class TestSettings:
    async def test_they_point_back_at_this_edge(self, edge, client):
        answer = await client.get(f"/v1/projects/{edge.key}/settings", headers={"Origin": "http://shop.test"})
        assert answer.headers["access-control-allow-origin"] == "http://shop.test"
        own = answer.json()["integrations"]["Segment.io"]
        assert (own["apiKey"], own["apiHost"]) == (edge.key, f"127.0.0.1:{edge.port}/v1")
        again = await client.get(f"/v1/projects/{edge.key}/settings", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304

    async def test_an_unknown_key_is_not_found(self, client):
        answer = await client.get("/v1/projects/nobody0123456789/settings")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_they_may_be_asked_for_from_anywhere(self, edge, client):
        answer = await client.options(f"/v1/projects/{edge.key}/settings", headers={"Origin": "http://shop.test"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "http://shop.test")

    async def test_they_cannot_be_posted(self, edge, client):
        refused = await client.post(f"/v1/projects/{edge.key}/settings")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


class TestMetrics:
    async def test_they_are_taken_and_left_alone(self, edge, log, client):
        start = await edge.next_sequence(log)
        answer = await client.post("/v1/m", content=b'{"series":[]}', headers={"Content-Type": "text/plain"})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert await edge.events_of(log, start) == []
        assert (await client.post("/v1/m", content=b"x" * 600_000)).status_code == 400
        refused = await client.get("/v1/m")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST, OPTIONS")


class TestScripts:
    @pytest.mark.parametrize("name", ["analytics.min.js", "analytics.js"])
    async def test_analytics_js_is_served_packed_and_by_its_tag(self, edge, client, name):
        answer = await client.get(f"/analytics.js/v1/{edge.key}/{name}")
        assert answer.headers["content-encoding"] == "gzip"
        assert f'("{edge.url}","http")' in answer.text
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get(f"/analytics.js/v1/{edge.key}/{name}", headers=tag)).status_code == 304
        assert (await client.head(f"/analytics.js/v1/{edge.key}/{name}")).status_code == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/analytics-next/bundles/nothing.js",
            "/analytics-next/bundles/..%2Frunner.js",
            "/analytics.js/v1/key/other.js",
            "/next-integrations/integrations/amplitude/latest/amplitude.dynamic.js.gz",
            "/v1/nothing",
        ],
    )
    async def test_what_is_not_there_is_not_found_without_a_control_api(self, client, path):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestBeacons:
    @pytest.mark.parametrize(
        "kind", ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", None]
    )
    async def test_a_body_is_json_whatever_its_type(self, edge, log, client, kind):
        start = await edge.next_sequence(log)
        headers = {"Content-Type": kind} if kind else {}
        body = json.dumps({**EVENT, "writeKey": edge.key})
        assert (await client.post("/v1/t", content=body, headers=headers)).status_code == 200
        assert len(await edge.events_of(log, start)) == 1


PATHS = {
    **dict.fromkeys(ROUTES, 405),
    "/v1/m": 405,
    **{f"/v1/pixel/{call}": 200 for call in CALLS},
    "/v1/projects/KEY/settings": 200,
    "/analytics.js/v1/KEY/analytics.min.js": 200,
    "/analytics.js/v1/KEY/analytics.js": 200,
}
"""Every route, and what it answers to HEAD."""


class TestEveryRoute:
    @pytest.mark.parametrize("path", PATHS)
    async def test_a_preflight_is_allowed_what_it_asks_for(self, edge, client, path):
        asked = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-retry-count,x-own",
        }
        answer = await client.options(path.replace("KEY", edge.key), headers=asked)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "x-own" in answer.headers["access-control-allow-headers"]

    @pytest.mark.parametrize("path", PATHS)
    async def test_head_has_the_status_and_no_body(self, edge, client, path):
        answer = await client.head(path.replace("KEY", edge.key))
        assert (answer.status_code, answer.content) == (PATHS[path], b"")
