"""FC-56 and sandbox.md: whoever tries to get out stays in, and whoever ends its own process ends no other."""

import importlib.util
import json
from pathlib import Path

import pytest

from penstock.js.sandbox import SandboxLost, process
from penstock.testing.receiver import Receiver

_spec = importlib.util.spec_from_file_location("escapes", Path(__file__).with_name("escapes.py"))
escapes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(escapes)
FILE_SECRET, VARIABLE_SECRET = "secret-of-the-file", "secret-of-the-environment"
ATTEMPTING = """
const AsyncFunction = (async () => {}).constructor;
async function onTrack(event) { return await new AsyncFunction(event.code)() }
"""
NOTHING = (b"null", b"false", b"0", b'""')


def test_there_are_many_attempts_and_none_is_there_twice():
    attempts = [attempt for group in escapes.GROUPS.values() for attempt in group]
    assert len({attempt.name for attempt in attempts}) == len({attempt.code for attempt in attempts}) >= 100


@pytest.fixture
def places(tmp_path, monkeypatch):
    """What attempts reach for. Afterwards nothing of it was touched."""
    file = tmp_path / "secret.txt"
    file.write_text(FILE_SECRET)
    monkeypatch.setenv("PENSTOCK_SECRET_OF_TEST", VARIABLE_SECRET)
    with Receiver() as receiver:
        yield {
            "{file}": str(file),
            "{directory}": str(tmp_path),
            "{port}": receiver.url.rpartition(":")[2],
            "{secret}": "PENSTOCK_SECRET_OF_TEST",
        }
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
    assert file.read_text() == FILE_SECRET
    assert receiver.requests == []


@pytest.mark.parametrize("group", escapes.GROUPS)
async def test_nobody_gets_out(begin, places, group, monkeypatch):
    shared = await begin(ATTEMPTING)
    complaints = []
    for attempt in escapes.GROUPS[group]:
        code = escapes.WORLD + attempt.code
        for place, value in places.items():
            code = code.replace(place, value)
        sandbox = await begin(ATTEMPTING, megabytes=200) if attempt.ends else shared
        with monkeypatch.context() as patch:
            if is_spinning := attempt.ends and group == "exhaustion":
                patch.setattr(process, "_GRACE_SECONDS", 0.05)
            complaint = await complaint_about(sandbox, code, 0.2 if is_spinning else 0.5, may_end=attempt.ends)
        if complaint:
            complaints.append((attempt.name, complaint))
        if shared.lost.is_set():
            shared = await begin(ATTEMPTING)
    assert complaints == []


async def complaint_about(sandbox, code, seconds, *, may_end):
    try:
        ran = await sandbox.invoke("onTrack", json.dumps({"code": code}).encode(), b"{}", seconds)
    except SandboxLost as error:
        return "" if may_end else str(error)
    told = repr(ran)
    if FILE_SECRET in told or VARIABLE_SECRET in told:
        return told
    return "" if ran is None or ran.error is not None or ran.value in NOTHING else told


async def test_a_host_that_was_changed_asks_the_outside_no_more_often_than_the_one_that_was_not(begin):
    asked = []

    async def fetcher(wish):
        asked.append(wish.url)
        return {"error": {"message": "refused", "type": "system", "code": "EACCES"}}

    code = """
    let call = 0;
    const asks = (id) => ({ kind: 'fetch', id, call: ++call, request: { url: 'http://a.example/' } });
    world.Object.prototype.toJSON = function () { return this.kind === 'log' ? asks(this.id) : this };
    for (let n = 0; n < 300; n++) console.log('');
    await new Promise(() => {});
    """
    sandbox = await begin(ATTEMPTING, fetcher=fetcher)
    with pytest.raises(SandboxLost, match="protocol"):
        await sandbox.invoke("onTrack", json.dumps({"code": escapes.WORLD + code}).encode(), b"{}", 10)
    assert len(asked) <= 100


@pytest.mark.usefixtures("soon_ended")
async def test_neighbours_answer_while_others_are_ended(begin):
    neighbour = await begin("async function onTrack(event) { return event }")
    for attempt in escapes.EXHAUSTION[:3]:
        hostile = await begin(f"async function onTrack() {{ {attempt.code} }}")
        with pytest.raises(SandboxLost):
            await hostile.invoke("onTrack", b"{}", b"{}", 0.2)
        assert (await neighbour.invoke("onTrack", b'{"a":1}', b"{}", 30)).value == b'{"a":1}'
