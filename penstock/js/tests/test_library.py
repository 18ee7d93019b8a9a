"""The host around a definition of our own: batches that end per event, code that misbehaves, code that is curious."""

import json
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from penstock.infra.http import OutboundPolicy
from penstock.js import Operation, PoolSettings, RunnerLost, RunnerPool, RunnerRequest, VerdictKind, verdicts
from penstock.js.build import HERE, bundle_host, install
from penstock.testing.receiver import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUIET = {"operation": Operation.EVENT, "metadata_id": "multistatus", "trigger": 'type = "track"'}
EVENT = [b'{"type":"track","event":"x"}']


@pytest.fixture(scope="module")
def own_bundle(tmp_path_factory):
    place = install(HERE, None, lambda _: None)
    entry = place / "multistatus.cjs"
    shutil.copyfile(Path(__file__).parent / "multistatus.cjs", entry)
    target = tmp_path_factory.mktemp("bundle") / "runner.js"
    bundle_host(place, entry, target, lambda _: None)
    return target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_pool(own_bundle):
    async with RunnerPool(OutboundPolicy(own_ports=(8280,)), PoolSettings(runners=1), own_bundle) as pool:
        yield pool


class TestBatch:
    async def test_each_event_of_a_batch_of_six_ends_by_its_own_index(self, own_pool, receiver):
        """FC-57."""
        statuses = {"a@x.y": 200, "c@x.y": 429, "e@x.y": 400, "f@x.y": 200}
        receiver.answer = lambda request: Reply(
            headers={"Content-Type": "application/json"},
            body=json.dumps([statuses[email] for email in request.json()]).encode(),
        )
        events = [
            {"type": "track", "email": "a@x.y"},
            {"type": "track"},
            {"type": "track", "email": "c@x.y"},
            {"type": "page", "email": "d@x.y"},
            {"type": "track", "email": "e@x.y"},
            {"type": "track", "email": "f@x.y"},
        ]
        request = RunnerRequest(
            operation=Operation.BATCH,
            metadata_id="multistatus",
            action="store",
            trigger='type = "track"',
            settings=json.dumps({"endpoint": receiver.url}).encode(),
            mapping=b'{"email":{"@path":"$.email"},"enable_batching":true}',
            events=[json.dumps(event).encode() for event in events],
        )
        answer = await own_pool.call(request)
        found = verdicts(answer, 6)
        assert [(verdict.kind.value, verdict.code, verdict.status) for verdict in found] == [
            ("delivered", "", 200),
            ("permanent", "MESSAGE_REJECTED", 400),
            ("retryable", "429", 429),
            ("filtered_at_mapping", "FILTERED_AT_MAPPING", 400),
            ("permanent", "400", 400),
            ("delivered", "", 200),
        ]
        assert len(receiver.requests) == 1
        assert "a@x.y" not in str(answer.results)

    async def test_settings_that_are_refused_are_told_from_a_payload_that_is(self, own_pool):
        request = RunnerRequest(**QUIET, action="store", mapping=b'{"email":"a@x.y"}', events=EVENT)
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")
        request = RunnerRequest(**QUIET, action="store", settings=b'{"endpoint":"http://127.0.0.1:1"}', events=EVENT)
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "MESSAGE_REJECTED")


class TestMisbehaviour:
    async def test_a_crash_of_the_definition_is_tried_again_as_internal(self, own_pool):
        request = RunnerRequest(**QUIET, action="crash", settings=b'{"endpoint":"x"}', events=EVENT)
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert (verdict.kind, verdict.code) == (VerdictKind.RETRYABLE, "INTERNAL")

    async def test_code_that_ignores_its_signal_is_left_behind(self, own_pool):
        request = RunnerRequest(**QUIET, action="hold", settings=b'{"endpoint":"x"}', events=EVENT, timeout_ms=100)
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert (verdict.kind, verdict.code, verdict.status) == (VerdictKind.RETRYABLE, "ETIMEDOUT", 408)

    async def test_a_runner_whose_loop_is_held_is_ended(self, own_pool, monkeypatch):
        """FC-56."""
        monkeypatch.setattr("penstock.js.runner._LATE_SECONDS", 0.3)
        request = RunnerRequest(**QUIET, action="spin", settings=b'{"endpoint":"x"}', events=EVENT, timeout_ms=100)
        with pytest.raises(RunnerLost):
            await own_pool.call(request)
        assert (await own_pool.call(RunnerRequest(operation=Operation.PING))).ok

    async def test_an_unknown_action_or_destination_is_invalid_settings(self, own_pool):
        for given in ({"action": "nothing"}, {"action": "store", "metadata_id": "nothing"}, {"action": "constructor"}):
            request = RunnerRequest(**{**QUIET, "events": EVENT, **given})
            (verdict,) = verdicts(await own_pool.call(request), 1)
            assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")


class TestConfinement:
    @pytest.mark.parametrize("way", ["fetch", "deno", "socket", "udp", "http2", "tls"])
    async def test_no_other_way_out_passes_the_policy(self, own_pool, way):
        request = RunnerRequest(
            **QUIET,
            action="curious",
            settings=b'{"endpoint":"x"}',
            mapping=json.dumps({"way": way}).encode(),
            events=EVENT,
        )
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert (verdict.kind, verdict.code) == (VerdictKind.PERMANENT, "INVALID_SETTINGS")

    @pytest.mark.parametrize(
        ("way", "told"), [("file", "read access"), ("process", "run access"), ("environment", "env null")]
    )
    async def test_files_processes_and_environment_are_closed(self, own_pool, way, told):
        request = RunnerRequest(
            **QUIET,
            action="curious",
            settings=b'{"endpoint":"x"}',
            mapping=json.dumps({"way": way}).encode(),
            events=EVENT,
        )
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert told in verdict.message

    async def test_what_code_prints_cannot_answer_for_others(self, own_pool):
        request = RunnerRequest(
            **QUIET, action="curious", settings=b'{"endpoint":"x"}', mapping=b'{"way":"print"}', events=EVENT
        )
        (verdict,) = verdicts(await own_pool.call(request), 1)
        assert verdict.kind is VerdictKind.DELIVERED
