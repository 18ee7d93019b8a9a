"""Cases from the field that the edge alone decides."""

import httpx
import pytest


class TestFC24PublicHost:
    """The SDK lets this value go before its own setting: a wrong one sends customers' events to somebody else."""

    @pytest.fixture
    async def host_told(self, start_edge):
        async def told(environment, headers):
            edge = await start_edge(environment)
            async with httpx.AsyncClient(base_url=edge.url) as client:
                answer = await client.get(f"/v1/projects/{edge.key}/settings", headers=headers)
            return answer.json()["integrations"]["Segment.io"]["apiHost"]

        return told

    async def test_behind_a_proxy_it_is_the_public_address_whatever_the_request_says(self, host_told):
        settings = {"PENSTOCK_PUBLIC_URL": "https://events.example.org/"}
        headers = {"Host": "10.0.0.7:8280", "X-Forwarded-Host": "evil.example"}
        assert await host_told(settings, headers) == "events.example.org/v1"

    async def test_a_trusted_proxy_names_it(self, host_told):
        settings = {"PENSTOCK_TRUSTED_PROXIES": "127.0.0.0/8"}
        headers = {"Host": "10.0.0.7:8280", "X-Forwarded-Host": "events.example.org", "X-Forwarded-Proto": "https"}
        assert await host_told(settings, headers) == "events.example.org/v1"

    async def test_nobody_else_does(self, host_told):
        headers = {"Host": "events.example.org", "X-Forwarded-Host": "evil.example"}
        assert await host_told({}, headers) == "events.example.org/v1"
