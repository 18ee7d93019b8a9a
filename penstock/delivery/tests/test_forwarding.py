"""Deletions forwarded by the official code and by functions, in real processes, to a receiver on loopback."""

import json
from types import SimpleNamespace

import msgspec
import pytest
import pytest_asyncio

from penstock.catalog.destinations import load_destination_catalog, takes_deletions
from penstock.delivery.forwarding import Forwarding
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.js import RunnerPool
from penstock.js.deno import BUNDLE
from penstock.spec.calls import ForwardDeletions, ForwardReport
from penstock.spec.snapshot import FunctionSnapshot, InsertionSnapshot
from penstock.testing.destination_examples import example_settings
from penstock.testing.outside import PlainSealer, destination
from penstock.testing.receiver import Receiver, Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not BUNDLE.is_file(), reason="the runner's bundle is not built"),
]

XTREMEPUSH, USERPILOT = "661e9787658d112ba31b59a7", "647f30a35eedd03afde0a1c3"
REQUESTED_AT = 1_767_323_045_006
TELLING = """
async function onTrack() {}
async function onDelete(event, settings) {
  const answer = await fetch(settings.url, { method: "POST", body: JSON.stringify(event) })
  if (answer.status >= 500) throw new RetryError(`not ${event.userId}`)
  if (answer.status >= 400) throw new ValidationError(`no ${event.userId}`)
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pools():
    policy = OutboundPolicy()
    async with RunnerPool(policy) as runners, FunctionPool(policy, FunctionSettings(megabytes=200)) as functions:
        yield runners, functions


def refusing_by_name(request, user_id):
    """What partners answer names whom they were asked for."""
    if (asked := request.json()["userId"]) != user_id:
        return Reply(200)
    return Reply(400, body=json.dumps({"message": f"no user {asked}"}).encode())


class Bench:
    """One destination, and the answers to what is asked for it."""

    def __init__(self, pools):
        self.view = SimpleNamespace(destinations={}, functions={})
        self.forwarding = Forwarding(*pools, self.view, PlainSealer(), 2.0)

    def put(self, metadata_id="", *, code="", enabled=True, **settings):
        if code:
            self.view.functions["dfn_1"] = FunctionSnapshot("dfn_1", "w", 1, "F", "DESTINATION", code)
        self.view.destinations["d"] = destination(
            "d",
            metadata_id=metadata_id,
            function_id="dfn_1" if code else "",
            enabled=enabled,
            sealed_settings=json.dumps(settings).encode(),
        )

    def insert(self, code, settings=b"{}", secrets=b""):
        """Before the destination, which is put already."""
        self.view.functions["ifnd_1"] = FunctionSnapshot("ifnd_1", "w", 1, "F", "INSERT_DESTINATION", code)
        insertion = InsertionSnapshot("ifnd_1", settings, secrets)
        known = self.view.destinations["d"]
        self.view.destinations["d"] = msgspec.structs.replace(known, insertion=insertion)

    def insert_at_source(self, code, *, required=(), **changes):
        function = FunctionSnapshot("ifns_1", "w", 1, "F", "INSERT_SOURCE", code, required)
        self.view.functions["ifns_1"] = function
        given = {"function_id": "ifns_1", "lap": "INSERT_SOURCE", "sealed_settings": b'{"by":"source"}'} | changes
        self.view.destinations["i"] = destination("i", **given)

    async def forward(self, *user_ids):
        return await self.forwarding.answer(ForwardDeletions("d", list(user_ids), REQUESTED_AT))


@pytest.fixture
def bench(pools):
    return Bench(pools)


class TestOfficialCode:
    async def test_the_destination_is_told_as_its_own_code_tells_it(self, bench):
        with Receiver() as receiver:
            bench.put(XTREMEPUSH, url=receiver.url + "/", apiKey="key-1")
            assert await bench.forward("u-1", "u-2") == ForwardReport(2)
            paths = {request.path for request in receiver.requests}
            told = sorted(request.json()["userId"] for request in receiver.requests)
        assert (paths, told) == ({"/api/integration/segment/delete"}, ["u-1", "u-2"])

    async def test_credentials_of_the_settings_go_with_it(self, bench):
        with Receiver() as receiver:
            bench.put(USERPILOT, endpoint=receiver.url + "/", apiKey="secret-9")
            assert await bench.forward("u-1") == ForwardReport(1)
            (request,) = receiver.requests
        assert request.method == "DELETE"
        assert "u-1" in request.path + request.body.decode()
        assert "secret-9" in request.headers["authorization"]

    async def test_one_that_fails_is_to_be_asked_again_from_the_first_who_was_not_taken(self, bench):
        answer = lambda request: Reply(503 if request.json()["userId"] == "u-2" else 200)  # noqa: E731
        with Receiver(answer) as receiver:
            bench.put(XTREMEPUSH, url=receiver.url, apiKey="k")
            report = await bench.forward("u-1", "u-2", "u-3")
        assert report == ForwardReport(1, error="503")

    async def test_whom_it_refuses_is_counted_and_the_others_are_told(self, bench):
        with Receiver(lambda request: refusing_by_name(request, "u-2")) as receiver:
            bench.put(XTREMEPUSH, url=receiver.url, apiKey="k")
            report = await bench.forward("u-1", "u-2", "u-3")
        assert report == ForwardReport(2, 1, refusal="400"), "what it says itself names the person"

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials_are_about_all_and_may_be_mended(self, bench, status):
        with Receiver(lambda _: Reply(status)) as receiver:
            bench.put(XTREMEPUSH, url=receiver.url, apiKey="k")
            report = await bench.forward("u-1")
        assert report == ForwardReport(error=str(status))

    async def test_where_nothing_may_be_called_nobody_is_told(self, bench):
        bench.put(XTREMEPUSH, url="http://10.1.2.3", apiKey="k")
        report = await bench.forward("u-1")
        assert report == ForwardReport(error="INVALID_SETTINGS")

    async def test_one_that_is_switched_off_or_gone_is_told_nothing(self, bench):
        assert (await bench.forward("u-1")).error
        with Receiver() as receiver:
            bench.put(XTREMEPUSH, enabled=False, url=receiver.url, apiKey="k")
            assert (await bench.forward("u-1")).error
            assert not receiver.requests


async def test_every_destination_that_takes_deletions_asks_for_them_and_two_handlers_are_empty(pools):
    async with RunnerPool(OutboundPolicy(is_closed=True)) as runners:
        bench = Bench((runners, pools[1]))
        silent = []
        for metadata in load_destination_catalog().values():
            if metadata.traits.supports_delete:
                bench.put(metadata.id, **example_settings(metadata))
                report = await bench.forward("12345678")
                silent += [] if report.error == "INVALID_SETTINGS" else [metadata.slug]
                assert takes_deletions(metadata) is bool(report.error), metadata.slug
    assert silent == ["actions-blackbaud-raisers-edge-nxt", "actions-google-data-manager"]


class TestFunctions:
    async def test_the_handler_gets_the_event_as_it_is_documented(self, bench):
        with Receiver() as receiver:
            bench.put(code=TELLING, url=receiver.url)
            assert await bench.forward("u-1") == ForwardReport(1)
            (request,) = receiver.requests
        assert request.json() == {"type": "delete", "userId": "u-1", "timestamp": "2026-01-02T03:04:05.006Z"}

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(503, ForwardReport(error="retry")), (404, ForwardReport(0, 1, refusal="message_rejected"))],
    )
    async def test_what_it_throws_decides_and_its_own_words_are_not_told(self, bench, status, expected):
        with Receiver(lambda _: Reply(status)) as receiver:
            bench.put(code=TELLING, url=receiver.url)
            assert await bench.forward("u-1") == expected

    async def test_one_without_the_handler_is_not_supported(self, bench):
        bench.put(code="async function onTrack() {}")
        report = await bench.forward("u-1")
        assert (report.is_supported, report.error) == (False, "the function has no onDelete")

    async def test_one_that_cannot_be_loaded_may_be_mended(self, bench):
        bench.put(code="throw new Error('broken')")
        report = await bench.forward("u-1")
        assert report.is_supported
        assert report.error


CHANGING = """
async function onTrack() {}
const onDelete = (event, settings) => ({ ...event, userId: `${event.userId}-${settings.by}` })
"""


class TestInserted:
    """Functions that the events of a destination pass: a deletion passes those that have an `onDelete`."""

    @pytest.fixture
    def told(self, bench):
        """Whom a destination by official code was told of, which has functions before it."""
        with Receiver() as receiver:
            bench.put(XTREMEPUSH, url=receiver.url, apiKey="k")
            yield lambda: [request.json()["userId"] for request in receiver.requests]

    async def test_what_changes_ids_of_events_changes_those_of_deletions_in_the_same_order(self, bench, told):
        bench.insert_at_source(CHANGING)
        bench.insert(CHANGING, b'{"by":null}', b'{"by":"destination"}')
        assert await bench.forward("u-1", "u-2") == ForwardReport(2)
        assert sorted(told()) == ["u-1-source-destination", "u-2-source-destination"]

    async def test_a_destination_that_is_a_function_is_told_behind_those_before_it(self, bench):
        with Receiver() as receiver:
            bench.put(code=TELLING, url=receiver.url)
            bench.insert_at_source(CHANGING)
            bench.insert(CHANGING, b'{"by":"destination"}')
            assert await bench.forward("u-1") == ForwardReport(1)
            (request,) = receiver.requests
        assert request.json()["userId"] == "u-1-source-destination"

    async def test_one_without_the_handler_or_switched_off_or_of_another_source_changes_nothing(self, bench, told):
        bench.insert("const onTrack = (event) => event")
        for changes in ({"enabled": False}, {"source_id": "other"}):
            bench.insert_at_source(CHANGING, **changes)
            assert await bench.forward("u-1") == ForwardReport(1, without_handler=["F"]), "its name is told"
        assert told() == ["u-1", "u-1"]

    @pytest.mark.parametrize(
        ("body", "refusal"),
        [
            ("", "FILTERED_AT_INSERT_FUNCTION: the insert function did not return the deletion"),
            ("return 7", "bad_request: the insert function did not return the deletion"),
            ("throw new DropEvent('not u-1')", "FILTERED_AT_INSERT_FUNCTION"),
            ("throw new EventNotSupported('no')", "unsupported_event_type"),
        ],
    )
    async def test_whom_it_does_not_let_pass_is_refused_and_others_are_told(self, bench, told, body, refusal):
        bench.insert(f"function onDelete(event) {{ if (event.userId !== 'u-1') return event; {body} }}")
        assert await bench.forward("u-1", "u-2") == ForwardReport(1, 1, refusal=refusal)
        assert told() == ["u-2"]

    async def test_what_may_be_mended_is_asked_again(self, bench, told):
        bench.insert("function onDelete() { throw new RetryError('not now') }")
        assert (await bench.forward("u-1")).error == "retry"
        bench.insert("throw new Error('broken')")
        assert (await bench.forward("u-1")).error == "the insert function cannot be loaded now"
        bench.insert(CHANGING, b"{}", b"broken")
        assert (await bench.forward("u-1")).error == "the settings of the insert function cannot be opened"
        bench.insert(CHANGING)
        del bench.view.functions["ifnd_1"]
        assert (await bench.forward("u-1")).error == "the insert function is not known here yet"
        bench.put(XTREMEPUSH, url="http://127.0.0.1:1", apiKey="k")
        bench.insert_at_source(CHANGING, required=("by", "key"))
        assert (await bench.forward("u-1")).error == "invalid_settings: settings that are required are not there: key"
        assert told() == []
