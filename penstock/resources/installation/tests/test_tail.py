"""The operation of the live view, asked over ASGI as its server does."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from penstock.api.auth import api_tokens
from penstock.client.event_stream import read_events
from penstock.infra.calls import Audience, CallClient, Streams
from penstock.kit.clock import SystemClock
from penstock.resources.application import build_application
from penstock.resources.installation import FirstRunKeys, Installation, tail
from penstock.spec.calls import StatusReport
from penstock.spec.tail import TailEvents, TailLine, TailStep

pytestmark = pytest.mark.one_database
DEADLINE = 10.0
LOCAL = "local"


def line(workspace_id, **about):
    values = {"step": TailStep.RECEIVED, "time": "2030-01-02T10:00:00.000Z", "source_id": "s1"}
    return TailLine(workspace_id=workspace_id, **(values | about))


class Client:
    """One request and what came back, until it is closed."""

    def __init__(self, application, query, token):
        self.status = 0
        self.body = b""
        self.is_complete = False
        self._gone = asyncio.Event()
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/penstock/tail",
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        self.task = asyncio.create_task(application(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]
            self.is_complete = not message.get("more_body")

    @property
    def events(self):
        return list(read_events(self.body.splitlines(keepends=True)))

    def told(self, name):
        return [data for kind, data in self.events if kind == name]

    async def until(self, condition):
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.01)

    async def leave(self):
        self._gone.set()
        await asyncio.wait_for(self.task, DEADLINE)


@pytest.fixture
async def tap(log):
    made = Audience(log, TailEvents, SystemClock())
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def ask(control, log, tmp_path):
    own = StatusReport("control", "ready", [], 1, 2)
    keys = FirstRunKeys("tok", "key")
    calls, streams = CallClient(log), Streams(log)
    installation = Installation(control.database, calls, tmp_path, LOCAL, lambda: own, keys, streams)
    application = build_application(control.api, installation.routes())

    @asynccontextmanager
    async def asked(query="", token=LOCAL):
        client = Client(application, query, token.removeprefix("Bearer "))
        await client.until(lambda: client.status)
        yield client
        await client.leave()

    asked.streams = streams
    return asked


async def test_lines_come_as_events_with_ids_and_a_browser_is_told_not_to_keep_them(ask, tap):
    async with ask() as client:
        await client.until(lambda: client.told("watching"))
        tap.offer([line("w1", message_id="m-1"), line("w1", message_id="m-2")])
        await client.until(lambda: len(client.told("line")) == 2)
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.headers["cache-control"] == "no-store, no-transform"
        assert client.headers["x-accel-buffering"] == "no"
        assert "content-length" not in client.headers
        assert [json.dumps(one["messageId"]) for one in client.told("line")] == ['"m-1"', '"m-2"']
        ids = [int(text[4:]) for text in client.body.decode().splitlines() if text.startswith("id: ")]
        assert ids == list(range(1, len(ids) + 1))


async def test_a_token_sees_its_own_workspace_and_nothing_of_another(control, ask, tap):
    own = control.first_run.workspace_id
    mine, other = (
        await control.token_with("event:read", "source:read"),
        await control.token_with("event:read", "source:read", workspace_id="other"),
    )
    async with ask(token=mine) as client, ask(token=other) as stranger, ask() as operator:
        for one in (client, stranger, operator):
            await one.until(lambda one=one: one.told("watching"))
        tap.offer([line(own, message_id="mine"), line("", message_id="nobody's"), line("other", message_id="theirs")])
        await operator.until(lambda: len(operator.told("line")) == 3)
        await client.until(lambda: client.told("line"))
        await stranger.until(lambda: stranger.told("line"))
        assert [one["messageId"] for one in client.told("line")] == ["mine"]
        assert [one["messageId"] for one in stranger.told("line")] == ["theirs"]


async def test_what_functions_print_is_for_who_may_read_them_and_asks(control, ask, tap):
    own = control.first_run.workspace_id
    seeing = await control.token_with("event:read", "source:read")
    reading = await control.token_with("event:read", "source:read", "function:read")
    async with ask("logs=true", token=seeing) as client:
        await client.until(lambda: client.is_complete)
        assert client.status == 403
    async with ask("logs=true", token=reading) as client, ask(token=reading) as beside:
        for one in (client, beside):
            await one.until(lambda one=one: one.told("watching"))
        tap.offer([line(own, step=TailStep.FUNCTION, text="printed"), line(own, message_id="m")])
        await client.until(lambda: len(client.told("line")) == 2)
        await beside.until(lambda: beside.told("line"))
        assert client.told("line")[0]["text"] == "printed"
        assert [one["messageId"] for one in beside.told("line")] == ["m"]


async def test_a_token_that_may_not_see_events_is_refused(control, ask):
    for token, status in (("", 401), ("unknown", 401), (await control.token_with("delivery:read", "source:*"), 403)):
        async with ask(token=token) as client:
            await client.until(lambda client=client: client.is_complete)
            assert client.status == status


async def test_the_source_of_another_workspace_is_no_source(control, ask):
    body = {"slug": "mine", "metadataId": "iUM16Md8P2", "enabled": True}
    await control.data("POST", "/sources", body)
    for token, status in (
        (await control.token_with("event:read", "source:read"), 200),
        (await control.token_with("event:read", "source:read", workspace_id="other"), 400),
    ):
        async with ask("source=mine", token) as client:
            assert client.status in (status, 422 if status == 400 else status)


async def test_tails_are_bounded_and_one_that_leaves_makes_room(ask, tap):
    held = [ask() for _ in range(tail.TAILS_OF_ONE)]
    clients = [await one.__aenter__() for one in held]
    assert {client.status for client in clients} == {200}
    async with ask() as refused:
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0
    await held.pop().__aexit__(None, None, None)
    async with ask() as client:
        assert client.status == 200
    for one in held:
        await one.__aexit__(None, None, None)


async def test_who_leaves_ends_the_stream_at_the_engine(ask, tap):
    async with ask() as client:
        await client.until(lambda: tap.is_open)
    await client.until(lambda: not tap.is_open)


async def test_a_silent_tail_is_kept_open_and_its_token_is_looked_at_again(control, ask, monkeypatch):
    monkeypatch.setattr(tail, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(tail, "_TURN_SECONDS", 0.02)
    token = await control.token_with("event:read", "source:read")
    async with ask(token=token) as client:
        await client.until(lambda: b": still here" in client.body)
        async with control.database.writing() as connection:
            await connection.execute(api_tokens.delete().where(api_tokens.c.name == "test"))
        await client.until(lambda: client.is_complete)
        assert client.told("end") == [{"message": "the token is not known"}]


async def test_a_stop_of_the_control_plane_ends_tails_with_a_word(ask):
    serving = asyncio.create_task(ask.streams.serve())
    async with ask() as client:
        await client.until(lambda: client.told("watching") or client.body)
        serving.cancel()
        await client.until(lambda: client.is_complete)
        assert client.told("end") == [{"message": "Penstock stops"}]


async def test_an_outcome_that_nobody_knows_is_named(ask):
    async with ask("outcome=lost") as client:
        assert client.status in (400, 422)
        assert b"there is no outcome lost" in client.body
