"""What code written for the original relies on (functions.md §2 to §8), one test for each rule.

Each script is run as an author would save it; what surrounds it is real, and only the outside answers from a table.
"""

import asyncio
import json

import pytest

from penstock.js.sandbox import Unloadable

EVENT = {"type": "track", "event": "Order Completed", "userId": "u1", "properties": {"total": 5}}


async def run(sandbox, handler="onTrack", given=EVENT, settings=None, seconds=30.0):
    return await sandbox.invoke(handler, json.dumps(given).encode(), json.dumps(settings or {}).encode(), seconds)


async def value_of(begin, code, handler="onTrack", given=EVENT, **options):
    ran = await run(await begin(code, **options), handler, given)
    assert ran.error is None, ran.error
    return json.loads(ran.value)


SLOPPY = {
    "a name that was never declared is a global": "function onTrack() { total = 5; return globalThis.total }",
    "this of a plain call is the world of the function": "function f() { return this === globalThis } "
    "function onTrack() { return f() && 5 }",
    "with is a statement": "function onTrack() { with ({ total: 5 }) { return total } }",
    "a number may be octal": "function onTrack() { return 05 }",
    "writing to what is frozen is silent": "function onTrack() { const o = Object.freeze({a: 5}); o.a = 6; return o.a }",
    "arguments and parameters are one": "function f(a) { arguments[0] = 5; return a } function onTrack() { return f(1) }",
    "a variable may be deleted": "function onTrack() { gone = 1; delete gone; return typeof gone === 'undefined' && 5 }",
    "a function in a block is seen behind it": "function onTrack() { { function f() { return 5 } } return f() }",
    "a parameter may stand twice": "function onTrack(a, a) { return 5 }",
    "a global may take the place of what was injected": "fetch = () => 5; function onTrack() { return fetch() }",
    "a global may be declared that was injected": "var fetch = () => 5; function onTrack() { return fetch() }",
    "a constant may be declared that was injected": "const Segment = 5; function onTrack() { return Segment }",
}


@pytest.mark.parametrize("rule", SLOPPY)
async def test_a_script_is_sloppy(begin, rule):
    """Trap 1."""
    assert await value_of(begin, SLOPPY[rule]) == 5


STRICT = {
    "total = 5": "ReferenceError",
    "Object.freeze({a: 5}).a = 6": "TypeError",
    "return (function () { return this })().fetch": "TypeError",
}


@pytest.mark.parametrize("body", STRICT)
async def test_a_script_may_ask_to_be_strict(begin, body):
    """Trap 1: the prologue of the script, and that of one handler alone."""
    whole = await run(await begin(f"'use strict';\nasync function onTrack() {{ {body} }}"))
    assert whole.error.name == STRICT[body]
    part = await begin(
        f"free = 1; function onTrack() {{ 'use strict'; {body} }} function onPage() {{ made = 5; return made }}"
    )
    assert (await run(part)).error.name == STRICT[body]
    assert (await run(part, "onPage")).value == b"5"


@pytest.mark.parametrize("code", ["with ({}) {}", "x = 05", "function f(a, a) {}"])
async def test_what_strictness_forbids_is_refused_only_where_it_was_asked_for(begin, code):
    """Trap 1."""
    await begin(f"{code}\nfunction onTrack() {{}}")
    with pytest.raises(Unloadable) as caught:
        await begin(f"'use strict';\n{code}\nfunction onTrack() {{}}")
    assert caught.value.error.name == "SyntaxError"


@pytest.mark.parametrize(
    "code", ["import _ from 'lodash'", "export const onTrack = 1", "const fs = require('fs')", "await 1"]
)
async def test_a_script_is_no_module(begin, code):
    """functions.md §5: neither import nor require, and no waiting at its top."""
    with pytest.raises(Unloadable) as caught:
        await begin(f"{code}\nfunction onPage() {{}}")
    assert caught.value.error.name in {"SyntaxError", "ReferenceError"}


@pytest.mark.parametrize(
    "name", ["require", "process", "global", "Deno", "module", "exports", "WebAssembly", "Segment"]
)
async def test_what_only_node_or_only_the_host_has_is_not_there(begin, name):
    assert await value_of(begin, f"function onTrack() {{ return typeof {name} }}") == "undefined"


HOOK = {"url": "https://fn.example/?b=x&token=t&token=u", "headers": [["Content-Type", "application/json"]]}
HOOK |= {"body": '{"customer_id":"c1","n":1}', "isForm": False}
REQUEST = {
    "json is there without waiting": ("request.json().customer_id", "c1"),
    "json may be waited for": ("(await request.json()).customer_id", "c1"),
    "json is parsed once": ("request.json() === request.json()", True),
    "json is of the function's own world": ("request.json() instanceof Object", True),
    "text is there without waiting": ("request.text().length", len(HOOK["body"])),
    "text may be waited for": ("typeof (await request.text())", "string"),
    "text can be read after json, and again": ("(request.json(), request.text()) === request.text()", True),
    "the address is an object": ("request.url instanceof URL && request.url.hostname", "fn.example"),
    "the query is that of the address": ("request.url.searchParams.getAll('token')", ["t", "u"]),
    "headers are found in any case": (
        "[request.headers.get('content-type'), request.headers.get('CONTENT-TYPE'), request.headers.has('x')]",
        ["application/json", "application/json", False],
    ),
    "headers are those of fetch": ("request.headers instanceof Headers", True),
}


async def test_a_request_is_read_at_once(begin):
    """Trap 2, and functions.md §2.2."""
    ran = await run_all(begin, {rule: expression for rule, (expression, _) in REQUEST.items()})
    assert {rule: json.loads(each.value) for rule, each in ran.items()} == {
        rule: value for rule, (_, value) in REQUEST.items()
    }


async def run_all(begin, expressions):
    """Each in a run of its own of one source function, by its key."""
    rules = ", ".join(f"{json.dumps(key)}: async (request) => ({each})" for key, each in expressions.items())
    code = f"const rules = {{ {rules} }}, onRequest = (request, {{ rule }}) => rules[rule](request)"
    sandbox = await begin(code, kind="SOURCE")
    return {key: await run(sandbox, "onRequest", HOOK, {"rule": key}) for key in expressions}


async def test_a_body_that_is_no_json_throws_where_it_is_parsed(begin):
    code = "async function onRequest(request) { try { request.json() } catch (error) { return [error.name, request.text()] } }"
    assert await value_of(begin, code, "onRequest", HOOK | {"body": "{"}, kind="SOURCE") == ["SyntaxError", "{"]


async def test_the_state_of_one_instance_is_not_seen_by_another(begin):
    """Trap 3: where the original may show it, here each instance has its own process."""
    code = "let seen = []; function onTrack(event) { seen.push(event.userId); leak = seen; return seen }"
    first, second = await begin(code), await begin(code)
    assert (await run(first)).value == b'["u1"]'
    assert (await run(second, given={"userId": "u2"})).value == b'["u2"]'
    assert (await run(first, given={"userId": "u3"})).value == b'["u1","u3"]'


async def test_a_timer_that_is_waited_for_counts(begin):
    """Trap 4: the time is that of all, from the call to its end."""
    sandbox = await begin(
        "const wait = (ms) => new Promise((ok) => setTimeout(ok, ms));"
        "async function onTrack() { for (let n = 0; n < 50; n++) await wait(20) } async function onPage() { await wait(5) }"
    )
    late, timely = await asyncio.gather(run(sandbox, seconds=0.2), run(sandbox, "onPage", seconds=30.0))
    assert late.is_late
    assert timely.error is None


async def test_what_a_call_leaves_running_asks_nothing_of_the_outside(begin):
    """Trap 4: after its end there is no call on whose behalf a request could be made."""
    asked = []

    async def fetcher(wish):
        asked.append(wish.url)
        return {"error": {"message": "refused", "type": "system", "code": "EACCES"}}

    code = """function onTrack() { setTimeout(() => fetch('https://late.example/'), 1) }
    const onPage = () => fetch('https://page.example/').catch(() => 1)"""
    sandbox = await begin(code, fetcher=fetcher)
    await run(sandbox)
    await run(await begin("const onTrack = () => new Promise((ok) => setTimeout(ok, 50))"))
    await run(sandbox, "onPage")
    assert asked == ["https://page.example/"]


CALLS = {
    "identify({userId: 'u', traits: {a: 1}})": {"type": "identify", "userId": "u", "traits": {"a": 1}},
    "identify({anonymousId: 'a'})": {"type": "identify", "anonymousId": "a"},
    "track({event: 'E', anonymousId: 'a', properties: {b: 2}})": {
        "type": "track",
        "anonymousId": "a",
        "event": "E",
        "properties": {"b": 2},
    },
    "track({event: 'E', userId: 'u', messageId: 'm', timestamp: 't', sentAt: 's', context: {ip: '1'}, integrations: {All: true}})": {
        "type": "track",
        "userId": "u",
        "context": {"ip": "1"},
        "integrations": {"All": True},
        "timestamp": "t",
        "messageId": "m",
        "sentAt": "s",
        "event": "E",
    },
    "track({event: 'E', userId: 'u', properties: null, anonymousId: '', extra: 1})": {
        "type": "track",
        "userId": "u",
        "event": "E",
    },
    "group({groupId: 'g', traits: {name: 'n'}})": {"type": "group", "groupId": "g", "traits": {"name": "n"}},
    "page({name: 'N', category: 'C', userId: 'u', properties: {url: 'x'}})": {
        "type": "page",
        "userId": "u",
        "name": "N",
        "category": "C",
        "properties": {"url": "x"},
    },
    "screen({name: 'N', userId: 'u'})": {"type": "screen", "userId": "u", "name": "N"},
    "alias({previousId: 'p', userId: 'u'})": {"type": "alias", "userId": "u", "previousId": "p"},
    "set({collection: 'PRODUCTS', id: 'i', properties: {name: 'n'}})": {
        "type": "set",
        "collection": "products",
        "id": "i",
        "properties": {"name": "n"},
    },
}


async def test_segment_keeps_the_fields_of_the_call_and_returns_them(begin):
    """functions.md §2.3: falsy and unknown fields are left out."""
    ran = await run_all(begin, {call: f"Segment.{call}" for call in CALLS})
    assert {call: json.loads(each.value) for call, each in ran.items()} == CALLS
    assert {call: list(map(json.loads, each.messages)) for call, each in ran.items()} == {
        call: [message] for call, message in CALLS.items()
    }


LACKING = {
    "track({event: 'E'})": "One of userId,anonymousId is required but not defined",
    "track({event: '', userId: 'u'})": "event is required but not defined",
    "group({userId: 'u'})": "groupId is required but not defined",
    "page({name: 'N'})": "One of userId,anonymousId is required but not defined",
    "screen()": "One of userId,anonymousId is required but not defined",
    "alias({previousId: 'p'})": "One of userId,anonymousId is required but not defined",
    "set({id: '1'})": "collection is required but not defined",
}


async def test_segment_names_what_a_call_lacks(begin):
    """functions.md §2.3; what was sent before is dropped with it."""
    ran = await run_all(begin, {call: f"Segment.identify({{userId: 'u'}}), Segment.{call}" for call in LACKING})
    assert {call: (each.error.name, each.error.message) for call, each in ran.items()} == {
        call: ("ValidationError", message) for call, message in LACKING.items()
    }
    assert not any(each.messages for each in ran.values())


@pytest.mark.parametrize("returned", ["", "return", "return undefined", "return null"])
async def test_what_is_not_returned_reads_as_null(begin, returned):
    """functions.md §3.3: an insert function blocks an event so."""
    assert await value_of(begin, f"async function onTrack(event) {{ {returned} }}") is None


@pytest.mark.parametrize("name", ["onIdentity", "onEvent", "ontrack"])
async def test_only_the_eight_names_are_handlers(begin, name):
    """functions.md §1."""
    assert not (await begin(f"function {name}() {{}}")).handlers
    known = ("onIdentify", "onTrack", "onPage", "onScreen", "onGroup", "onAlias", "onDelete", "onBatch")
    assert (await begin("".join(f"function {each}() {{}} " for each in known))).handlers == set(known)


async def test_an_entry_of_the_cache_ends_with_its_time(begin):
    """functions.md §5.2: -1 and nothing at all mean no end."""
    code = """async function onTrack() {
      let made = 0
      const make = async () => ++made
      const load = (key, ...rest) => cache.load(key, ...rest, make)
      for (const [key, time] of [["short", 5], ["ever", -1]]) await load(key, time)
      await cache.load("none", make)
      await new Promise((ok) => setTimeout(ok, 30))
      return [await load("short", 5), await load("ever", -1), await cache.load("none", make)]
    }"""
    assert await value_of(begin, code) == [4, 2, 3]


SETTINGS = {"text": "a", "flag": False, "list": ["x", "y"], "map": {"k": "v"}}


async def test_settings_have_the_types_of_their_kinds(begin):
    """functions.md §4."""
    code = "function onTrack(_, s) { return [typeof s.text, s.flag === false, Array.isArray(s.list), s.map.k, s.none] }"
    ran = await run(await begin(code), settings=SETTINGS)
    assert json.loads(ran.value) == ["string", True, True, "v", None]
