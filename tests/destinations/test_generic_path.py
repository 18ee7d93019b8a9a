"""Every cloud destination of the package on the one generic path: loaded, asked, and answered with a named verdict."""

import asyncio
import json
from collections import Counter

import pytest

from penstock.catalog.destinations import load_destination_catalog
from penstock.infra.http import OutboundPolicy
from penstock.js import Operation, PoolSettings, RunnerPool, RunnerRequest, VerdictKind, verdicts
from penstock.js.build import build
from penstock.testing.destination_examples import (
    example_event_bytes,
    example_mapping,
    example_settings,
    example_trigger,
)
from penstock.testing.receiver import Receiver

CATALOG = {one.id: one for one in load_destination_catalog().values() if one.traits.is_deliverable}


def example_request(metadata, action, **given):
    trigger = example_trigger(metadata, action)
    defaults = {
        "operation": Operation.EVENT,
        "metadata_id": metadata.id,
        "action": action.id,
        "settings": json.dumps(example_settings(metadata)).encode(),
        "trigger": trigger,
        "mapping": json.dumps(example_mapping(metadata, action)).encode(),
        "events": [example_event_bytes(trigger)],
        "oauth": b'{"access_token":"at","refresh_token":"rt","clientId":"ci","clientSecret":"cs"}',
        "timeout_ms": 4_000,
    }
    return RunnerRequest(**{**defaults, **given})


async def ask_all(pool, pairs):
    """Eight at a time: one verdict per (destination, action)."""
    waiting = list(pairs)
    found = {}

    async def work():
        while waiting:
            metadata, action = waiting.pop()
            answer = await pool.call(example_request(metadata, action))
            (found[metadata.slug, action.slug],) = verdicts(answer, 1)

    await asyncio.gather(*(work() for _ in range(8)))
    return found


@pytest.fixture(scope="module")
def bundle():
    return build()


async def test_every_destination_answers_with_a_named_verdict_while_nothing_may_be_called(bundle, report):
    closed = OutboundPolicy.checked(["none"], "127.0.0.1", [])
    pairs = [(metadata, action) for metadata in CATALOG.values() for action in metadata.actions]
    async with RunnerPool(closed, PoolSettings(runners=1, megabytes=2000), bundle) as pool:
        found = await ask_all(pool, pairs)
    print(f"\n{'destination':44}{'action':34}{'verdict':16}{'code':20}message")
    for (slug, action), verdict in sorted(found.items()):
        print(f"{slug:44}{action:34}{verdict.kind:16}{verdict.code:20}{verdict.message[:90]}")
    report.append(str(Counter((verdict.kind.value, verdict.code) for verdict in found.values())))
    first = {metadata.slug: found[metadata.slug, metadata.actions[0].slug] for metadata in CATALOG.values()}
    assert len(first) == 214
    unnamed = {slug: verdict.message for slug, verdict in first.items() if verdict.code == "INTERNAL"}
    assert unnamed == {}
    assert all(verdict.code for verdict in first.values() if verdict.kind is not VerdictKind.DELIVERED)


@pytest.mark.parametrize("slug", ["extensible-webhook"])
async def test_another_destination_with_a_settable_endpoint_delivers(bundle, slug):
    (metadata,) = (one for one in CATALOG.values() if one.slug == slug)
    with Receiver() as receiver:
        action = metadata.actions[0]
        mapping = {**example_mapping(metadata, action), "url": receiver.url + "/other"}
        async with RunnerPool(OutboundPolicy(), PoolSettings(runners=1), bundle) as pool:
            request = example_request(metadata, action, mapping=json.dumps(mapping).encode())
            (verdict,) = verdicts(await pool.call(request), 1)
    assert verdict.kind is VerdictKind.DELIVERED
    assert receiver.requests[0].path == "/other"
