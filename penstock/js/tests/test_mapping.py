"""Mappings and triggers as the official code resolves them (field-cases.md)."""

import pytest
import pytest_asyncio

from penstock.infra.http import OutboundPolicy
from penstock.js import Operation, PoolSettings, RunnerPool, RunnerRequest, VerdictKind

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(bundle):
    """One runner for all tests in here: they ask it for things that leave no trace."""
    async with RunnerPool(OutboundPolicy(own_ports=(8280,)), PoolSettings(runners=1), bundle) as runners:
        yield runners


MISSING = object()


def event(value=MISSING, **given):
    properties = {} if value is MISSING else {"v": value}
    return {"type": "track", "event": "x", "properties": properties, **given}


async def mapped(attempt, receiver, webhook_request, directive, one):
    await attempt(webhook_request(receiver.url, mapping={"data": {"seen": True, "r": directive}}, events=[one]))
    return receiver.requests[-1].json().get("r", MISSING)


class TestIf:
    """FC-60: as the code does, not as its README says."""

    @pytest.mark.parametrize(
        ("value", "result"), [(0, "then"), (False, "then"), ("", "then"), (None, "else"), (MISSING, "else")]
    )
    async def test_exists(self, attempt, receiver, webhook_request, value, result):
        directive = {"@if": {"exists": {"@path": "$.properties.v"}, "then": "then", "else": "else"}}
        assert await mapped(attempt, receiver, webhook_request, directive, event(value)) == result

    @pytest.mark.parametrize("value", [0, False, "", None, MISSING])
    async def test_blank_takes_else_for_all(self, attempt, receiver, webhook_request, value):
        directive = {"@if": {"blank": {"@path": "$.properties.v"}, "then": "then", "else": "else"}}
        assert await mapped(attempt, receiver, webhook_request, directive, event(value)) == "else"


class TestArrayPath:
    """FC-61."""

    @pytest.mark.parametrize(
        ("value", "result"),
        [
            ([{"name": "a", "x": 1}, {"name": "b"}], [{"n": "a"}, {"n": "b"}]),
            ({"name": "a"}, [{"n": "a"}]),
            ("plain", "plain"),
            (MISSING, MISSING),
        ],
    )
    async def test_shape(self, attempt, receiver, webhook_request, value, result):
        directive = {"@arrayPath": ["$.properties.v", {"n": {"@path": "$.name"}}]}
        assert await mapped(attempt, receiver, webhook_request, directive, event(value)) == result


class TestTrigger:
    @pytest.mark.parametrize(
        ("trigger", "one", "fires"),
        [
            ("properties.qty = 5", {"properties": {"qty": 5}}, True),
            ("properties.qty = 5", {"properties": {"qty": "5"}}, False),
            ("properties.qty != 5", {"properties": {"qty": 6}}, True),
            ("properties.qty != 5", {"properties": {}}, False),
            ('properties.plan = "pro"', {"type": "identify", "traits": {"plan": "pro"}}, False),
            ('traits.plan = "pro"', {"type": "identify", "traits": {"plan": "pro"}}, True),
        ],
    )
    async def test_compares_numbers_and_paths_as_written(self, attempt, receiver, webhook_request, trigger, one, fires):
        """FC-65 and FC-67."""
        request = webhook_request(receiver.url, trigger=trigger, events=[{"type": "track", "event": "x", **one}])
        (verdict,) = await attempt(request)
        assert (verdict.kind is VerdictKind.DELIVERED) == fires
        assert len(receiver.requests) == (1 if fires else 0)

    async def test_two_mappings_are_two_requests_and_none_is_named(self, attempt, receiver, webhook_request):
        """FC-64."""
        for path in ("/one", "/two"):
            (verdict,) = await attempt(webhook_request(receiver.url + path))
            assert verdict.kind is VerdictKind.DELIVERED
        assert [request.path for request in receiver.requests] == ["/one", "/two"]
        (verdict,) = await attempt(webhook_request(receiver.url, trigger='type = "alias"'))
        assert (verdict.kind, verdict.code) == (VerdictKind.NOT_SUBSCRIBED, "NO_MATCHING_MAPPING")

    @pytest.mark.parametrize("trigger", ["", "all", "((type"])
    async def test_a_trigger_that_cannot_be_read_is_invalid_settings(self, attempt, webhook_request, trigger):
        (verdict,) = await attempt(webhook_request("http://127.0.0.1:9/", trigger=trigger))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")


class TestMapping:
    async def test_a_directive_that_is_none_is_invalid_settings(self, attempt, webhook_request):
        (verdict,) = await attempt(webhook_request("http://127.0.0.1:9/", mapping={"data": {"@nothing": "$.x"}}))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")

    async def test_a_required_field_that_is_missing_is_a_rejected_message(self, attempt, webhook_request):
        (verdict,) = await attempt(webhook_request({"@path": "$.properties.nothing"}))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "MESSAGE_REJECTED")

    async def test_liquid_that_cannot_be_parsed_is_invalid_settings(self, attempt, webhook_request):
        mapping = {"data": {"t": {"@liquid": "{% if x %}"}}}
        (verdict,) = await attempt(webhook_request("http://127.0.0.1:9/", mapping=mapping))
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")


async def test_a_destination_whose_name_has_a_space_validates(pool):
    """fast-uri from 3.1.6 on makes 481 of the 601 actions throw here."""
    answer = await pool.call(
        RunnerRequest(
            operation=Operation.VALIDATE,
            metadata_id="5f7dd6d21ad74f3842b1fc47",
            settings=b'{"apiKey":"k","secretKey":"s","endpoint":"north_america","extra":1}',
        )
    )
    assert answer.ok
    assert answer.data() == {"apiKey": "k", "secretKey": "s", "endpoint": "north_america"}
