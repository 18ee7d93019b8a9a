import asyncio
import json

import msgspec
import pytest

from penstock.functions.instance import Program
from penstock.functions.outcome import Consequence

DONE, RETRIED, REFUSED, DROPPED = Consequence.DONE, Consequence.RETRIED, Consequence.REFUSED, Consequence.DROPPED


@pytest.mark.parametrize(
    ("body", "consequence", "code"),
    [
        ("return 1", DONE, ""),
        ("throw new RetryError('a')", RETRIED, "retry"),
        ("throw new InvalidEventPayload('a')", REFUSED, "message_rejected"),
        ("throw new ValidationError('a')", REFUSED, "message_rejected"),
        ("throw new EventNotSupported('a')", REFUSED, "unsupported_event_type"),
        ("throw new DropEvent('a')", DROPPED, "FILTERED_AT_INSERT_FUNCTION"),
        ("throw new Error('a')", REFUSED, "bad_request"),
        ("return Promise.reject('a')", REFUSED, "bad_request"),
        ("return await new Promise(() => {})", RETRIED, "gateway_timeout"),
        ("for (;;);", RETRIED, "gateway_timeout"),
    ],
)
async def test_what_is_thrown_decides_what_follows(run, body, consequence, code, request):
    """FC-76, and the table of functions.md §3.1."""
    if body == "for (;;);":
        request.getfixturevalue("soon_ended")
    outcome = await run(body, seconds=0.3)
    assert (outcome.consequence, outcome.code) == (consequence, code)


def test_a_required_setting_that_says_nothing_is_lacking_and_false_is_not():
    """functions.md §4."""
    given = {
        "none": None,
        "text": "",
        "list": [],
        "map": {},
        "off": False,
        "blank": " ",
        "one": [""],
        "pair": {"a": ""},
    }
    program = Program("DESTINATION", "", required=("absent", *given))
    assert program.lacking(json.dumps(given).encode()) == ["absent", "none", "text", "list", "map"]


async def test_an_event_without_a_handler_is_not_supported(run):
    """FC-77: surprising, but as documented."""
    outcome = await run("return 1", handler="onIdentify")
    assert (outcome.consequence, outcome.code) == (REFUSED, "unsupported_event_type")


async def test_text_that_was_cut_within_a_character_is_whole_again_wherever_it_comes_out(run):
    """JavaScript cuts so, where a text is cut by its length; it is no text for anybody else."""
    outcome = await run("const half = 'a😀'.slice(0, 2); console.log(half); throw new Error(half)")
    assert (outcome.code, outcome.message, outcome.logs) == ("bad_request", "Error: a\ufffd", ["log a\ufffd"])
    assert (
        await run("return { half: 'a😀'.slice(0, 2), whole: '😀' }")
    ).value == '{"half":"a\\ufffd","whole":"😀"}'.encode()
    made = "function onRequest() { Segment.track({ userId: 'u', event: 'a😀'.slice(0, 2) }) } // onTrack"
    request = {"url": "https://a.example/", "headers": [], "body": "{}", "isForm": False}
    (message,) = (await run(made, request, handler="onRequest", kind="SOURCE")).messages
    assert json.loads(message)["event"] == "a\ufffd"


async def test_a_result_that_no_reader_takes_for_its_depth_is_an_error(run):
    deep = "let deep = []; for (let n = 0; n < %d; n++) deep = [deep]; return deep"
    assert (await run(deep % 1000)).message == "RangeError: the result is nested too deep"
    assert (await run(deep % 100)).code == ""


async def test_what_was_logged_is_kept_of_failures_alone(run):
    assert (await run("console.log('a'); throw new Error('b')")).logs == ["log a"]
    assert (await run("console.log('a')")).logs == []


@pytest.mark.parametrize("end", ["for (;;);", "Buffer.constructor('Deno.exit()')()", "await new Promise(() => {})"])
async def test_what_was_printed_before_the_limit_or_an_end_is_kept_with_it(run, end):
    assert (await run(f"console.log('begins'); {end}", seconds=0.2)).logs == ["log begins"]


@pytest.mark.parametrize(
    "ending",
    [
        "for (;;);",
        "const a = []; for (;;) { a.push(new Uint8Array(1e7).fill(1)); await null }",
        "const a = []; for (;;) a.push(new Array(1000).fill(1.1))",
        "Buffer.constructor('Deno.exit()')()",
        "Buffer.constructor('Deno.stdout.writeSync(new Uint8Array([10]))')(); await new Promise(() => {})",
    ],
)
@pytest.mark.usefixtures("soon_ended")
async def test_an_end_costs_the_event_that_caused_it_and_no_other(run, ending):
    """FC-56."""
    body = f"if (event.n === 3) {{ {ending} }} await new Promise((ok) => setTimeout(ok, 50)); return event.n"
    seconds = 0.6 if ending == "for (;;);" else 4.0
    outcomes = await asyncio.gather(*(run(body, {"n": number}, seconds=seconds, patience=30) for number in range(8)))
    assert [one.value for one in outcomes if one.consequence is DONE] == [b"0", b"1", b"2", b"4", b"5", b"6", b"7"]
    assert outcomes[3].consequence is (RETRIED if ending == "for (;;);" else REFUSED)
    assert (await run(body, {"n": 9})).value == b"9"


@pytest.mark.parametrize("code", ["throw new Error('a'); onTrack", "function onTrack( {", "for (;;); onTrack"])
@pytest.mark.usefixtures("soon_ended")
async def test_a_script_that_cannot_be_loaded_is_refused_and_not_tried_for_each_event(run, pool, code, monkeypatch):
    monkeypatch.setattr(pool, "limits", msgspec.structs.replace(pool.limits, load_seconds=0.5))
    outcomes = [await run(code), *await asyncio.gather(*(run(code) for _ in range(20)))]
    assert {one.code for one in outcomes} == {"bad_request"}
    assert pool.started <= 1


async def test_a_hundred_runs_wait_for_their_turn(run):
    body = "count = globalThis.count ?? 0; return ++count"
    outcomes = await asyncio.gather(*(run(body, patience=60) for _ in range(100)))
    assert sorted(int(one.value) for one in outcomes) == list(range(1, 101))


async def test_who_waits_too_long_is_told_to_come_again(run):
    body = "await new Promise((ok) => setTimeout(ok, 400))"
    outcomes = await asyncio.gather(*(run(body, patience=0.1) for _ in range(30)))
    assert {one.code for one in outcomes} == {"", "too_many_requests"}


async def test_a_run_whose_asker_has_gone_disturbs_no_other(run):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await run("if (event.n) for (;;); return 1", {"n": 1}, seconds=0.6)
    assert (await run("if (event.n) for (;;); return 1", {"n": 0}, patience=10)).value == b"1"
