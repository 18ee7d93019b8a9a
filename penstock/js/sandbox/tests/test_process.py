import asyncio
import base64
import json
import os
import signal

import pytest

from penstock.js.sandbox import Ending, Sandbox, SandboxLost, Thrown, Unloadable, process
from penstock.js.sandbox.protocol import Said
from penstock.js.sandbox.usage import Usage, usage_of

EVENT, SETTINGS = b'{"type":"track","event":"x"}', b'{"key":"k"}'


async def run(sandbox, handler="onTrack", given=EVENT, settings=SETTINGS, seconds=30.0):
    return await sandbox.invoke(handler, given, settings, seconds)


async def value_of(begin, expression, **given):
    ran = await run(await begin(f"async function onTrack(event, settings) {{ return {expression} }}", **given))
    assert ran.error is None, ran.error
    return ran.value.decode()


async def is_gone(pid):
    async with asyncio.timeout(30):
        while usage_of(pid) != Usage():
            await asyncio.sleep(0.01)


class TestScript:
    @pytest.mark.parametrize(
        "code",
        [
            "function onTrack(event) { return event.event }",
            "async function onTrack(event) { return event.event }",
            "const onTrack = async (event) => event.event",
            "let onTrack; onTrack = (event) => event.event",
            "onTrack = (event) => event.event",
            "'use strict'; const onTrack = (event) => event.event",
            "const crypto = 1, fetch = 2; function onTrack(event) { return event.event }",
            "zlib = zlib.zlib; counter = 0; function onTrack(event) { counter++; return event.event }",
        ],
    )
    async def test_handlers_are_found_however_they_are_bound(self, begin, code):
        sandbox = await begin(code)
        assert sandbox.handlers == {"onTrack"}
        assert (await run(sandbox)).value == b'"x"'

    async def test_state_of_a_module_lives_from_call_to_call(self, begin):
        sandbox = await begin("let count = 0; const onTrack = () => ++count")
        assert [(await run(sandbox)).value for _ in range(3)] == [b"1", b"2", b"3"]

    @pytest.mark.parametrize(
        ("code", "name"),
        [
            ("function (", "SyntaxError"),
            ("nothing.there", "ReferenceError"),
            ("throw new RetryError('x')", "RetryError"),
        ],
    )
    async def test_a_script_that_throws_is_not_loaded(self, begin, code, name):
        with pytest.raises(Unloadable) as caught:
            await begin(code)
        assert caught.value.error.name == name

    @pytest.mark.usefixtures("soon_ended")
    async def test_a_script_that_never_ends_is_not_loaded(self, begin):
        with pytest.raises(SandboxLost, match="timeout"):
            await begin("for (;;);", load_seconds=0.2)

    async def test_a_script_whose_process_gets_no_turn_is_waited_for(self, begin, monkeypatch):
        """What the clock says alone would blame the script for a busy machine, and with it every event that came."""
        load = Sandbox._load

        async def load_stopped(sandbox, kind, code):
            os.kill(sandbox.pid, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(1.5, os.kill, sandbox.pid, signal.SIGCONT)
            await load(sandbox, kind, code)

        monkeypatch.setattr(Sandbox, "_load", load_stopped)
        assert (await begin("function onTrack() {}", load_seconds=0.2)).handlers == {"onTrack"}


class TestAnswer:
    @pytest.mark.parametrize(
        ("thrown", "name", "message"),
        [
            ("new RetryError('a')", "RetryError", "a"),
            (
                "new (class Mine extends RetryError { constructor() { super('b'); this.name = 'Mine' } })",
                "RetryError",
                "b",
            ),
            ("Object.assign(new Error('c'), {name: 'DropEvent'})", "DropEvent", "c"),
            ("new TypeError('d')", "TypeError", "d"),
            ("'text'", "Error", "text"),
            ("null", "Error", "null"),
        ],
    )
    async def test_what_is_thrown_is_told_by_its_class(self, begin, thrown, name, message):
        ran = await run(await begin(f"async function onTrack() {{\n  throw {thrown}\n}}"))
        assert (ran.error.name, ran.error.message) == (name, message)

    async def test_a_stack_shows_the_function_and_nothing_of_the_host(self, begin):
        ran = await run(await begin("function f() {\n  throw new Error('a')\n}\nasync function onTrack() { f() }"))
        assert "function.js:2:9" in ran.error.stack
        assert "sandbox" not in ran.error.stack
        assert "/" not in ran.error.stack

    async def test_a_missing_handler_is_an_event_that_is_not_supported(self, begin):
        ran = await run(await begin("const onTrack = 1"), "onTrack")
        assert ran.error.name == "EventNotSupported"

    async def test_settings_come_with_each_call_and_stand_nowhere_else(self, begin):
        sandbox = await begin("const onTrack = (event, settings) => settings.key + typeof globalThis.settings")
        assert (await run(sandbox)).value == b'"kundefined"'
        assert (await run(sandbox, settings=b'{"key":"other"}')).value == b'"otherundefined"'

    async def test_a_console_is_kept_apart_by_call_and_bounded(self, begin):
        code = "async function onTrack(e) { console.log(e.n, {a: [1]}); await null; console.warn('x'.repeat(5000)) }"
        sandbox = await begin(code)
        answers = await asyncio.gather(*(run(sandbox, given=b'{"n":%d}' % number) for number in range(3)))
        assert [answer.logs[0] for answer in answers] == [f"log {number} {{ a: [ 1 ] }}" for number in range(3)]
        assert all(sum(map(len, answer.logs)) <= 4096 for answer in answers)

    async def test_a_result_above_the_limit_is_an_error_and_no_end(self, begin):
        sandbox = await begin("function onTrack() { return 'x'.repeat(4e6) } function onPage() { return 1 }")
        assert "3 MiB" in (await run(sandbox)).error.message
        assert (await run(sandbox, "onPage")).value == b"1"


class TestLimits:
    async def test_a_promise_that_nobody_keeps_costs_its_own_call_alone(self, begin):
        sandbox = await begin("const onTrack = () => new Promise(() => {}); const onPage = () => 1")
        late, answered = await asyncio.gather(run(sandbox, seconds=0.2), run(sandbox, "onPage"))
        assert (late.is_late, late.error) == (True, None)
        assert answered.value == b"1"

    @pytest.mark.parametrize(
        ("code", "ending"),
        [
            ("for (;;);", Ending.TIMEOUT),
            ("for (;;) await null", Ending.TIMEOUT),
            ("const a = []; for (;;) { a.push(new Uint8Array(1e7).fill(1)); await null }", Ending.MEMORY),
            ("const a = []; for (;;) a.push(new Array(1000).fill(1.1))", Ending.MEMORY),
            ("Buffer.constructor('Deno.exit()')()", Ending.EXIT),
            (
                "Buffer.constructor('Deno.stdout.writeSync(new Uint8Array([10]))')(); await new Promise(() => {})",
                Ending.PROTOCOL,
            ),
        ],
    )
    @pytest.mark.usefixtures("soon_ended")
    async def test_what_holds_or_fills_the_process_ends_it_and_the_reason_is_told(self, begin, code, ending):
        seconds = 0.3 if ending is Ending.TIMEOUT else 10.0
        sandbox = await begin(f"async function onTrack() {{ {code} }}", megabytes=160, heap_megabytes=32)
        with pytest.raises(SandboxLost) as caught:
            await run(sandbox, seconds=seconds)
        assert caught.value.ending is ending
        await is_gone(sandbox.pid)
        with pytest.raises(SandboxLost):
            await run(sandbox)

    @pytest.mark.parametrize("end", ["for (;;);", "Buffer.constructor('Deno.exit()')()", "await new Promise(() => {})"])
    async def test_what_was_printed_before_an_end_is_told_with_it(self, begin, end):
        sandbox = await begin(f"async function onTrack() {{ console.log('begins'); console.warn({{ a: 1 }}); {end} }}")
        try:
            logs = (await run(sandbox, seconds=0.2)).logs
        except SandboxLost as error:
            logs = error.logs
        assert logs == ["log begins", "warn { a: 1 }"]

    async def test_more_than_the_host_passes_on_ends_the_process(self, begin):
        """As code would that had found out how the host speaks."""
        sandbox = await begin("const onTrack = () => new Promise(() => {})")
        running = asyncio.create_task(run(sandbox))
        await asyncio.sleep(0)
        for _ in range(20):
            sandbox._take(Said(nonce=sandbox._nonce, kind="log", id=sandbox._next, line="x" * 1_000), 1_000)
        with pytest.raises(SandboxLost) as lost:
            await running
        assert lost.value.ending is Ending.PROTOCOL
        assert sum(map(len, lost.value.logs)) <= 8_192

    async def test_of_a_flood_no_more_is_looked_at_than_ends_the_process(self, begin):
        """Megabytes of lines stand in the buffer then, and others wait for this loop."""
        line = "new Uint8Array(3000).map((_, at) => [123, 125, 10][at % 3])"
        flood = f"const line = {line}; for (;;) Deno.stdout.writeSync(line)"
        sandbox = await begin(f"function onTrack() {{ Buffer.constructor(`{flood}`)() }}")
        with pytest.raises(SandboxLost) as lost:
            await run(sandbox)
        assert lost.value.ending is Ending.PROTOCOL
        assert sandbox._stray == process._STRAY_LIMIT + 1

    async def test_a_thread_that_goes_on_after_the_answer_is_ended_with_its_process(self, begin, monkeypatch):
        monkeypatch.setattr(process, "_IDLE_SECONDS", 0.6)
        monkeypatch.setattr(process, "_IDLE_CPU_SECONDS", 0.1)
        code = "const world = Buffer.constructor('return globalThis')();"
        code += "new world.Worker('data:text/javascript,for(;;);', {type: 'module'})"
        sandbox = await begin(f"function onTrack() {{ {code} }}")
        await run(sandbox)
        async with asyncio.timeout(120):
            await sandbox.lost.wait()
        with pytest.raises(SandboxLost, match="busy"):
            await run(sandbox)

    async def test_memory_that_is_taken_after_the_answer_ends_the_process_as_soon(self, begin):
        code = "const world = Buffer.constructor('return globalThis')(); const all = []; const take = () => {"
        code += "all.push(new Uint8Array(1e7).fill(1)); if (all.length < 40) world.setTimeout(take, 0) };"
        sandbox = await begin(f"function onTrack() {{ {code} world.setTimeout(take, 50) }}", megabytes=160)
        await run(sandbox)
        async with asyncio.timeout(30):
            await sandbox.lost.wait()
        with pytest.raises(SandboxLost, match="memory"):
            await run(sandbox)

    async def test_timers_end_with_the_call_that_started_them(self, begin):
        code = "let ticks = 0; const onTrack = () => void setInterval(() => ticks++, 1); const onPage = () => ticks"
        sandbox = await begin(code)
        await run(sandbox)
        before = (await run(sandbox, "onPage")).value
        await run(await begin("const onTrack = () => new Promise((ok) => setTimeout(ok, 50))"))
        assert (await run(sandbox, "onPage")).value == before

    async def test_what_is_left_unhandled_ends_nothing(self, begin):
        code = "function onTrack() { Promise.reject(new Error('a')); queueMicrotask(() => { throw 1 }) }"
        sandbox = await begin(code)
        await run(sandbox)
        assert (await run(sandbox)).error is None


class TestFetch:
    async def test_a_request_goes_to_the_parent_and_its_answer_comes_back(self, begin):
        wishes = []

        async def fetcher(wish):
            wishes.append(wish)
            headers = [["content-type", "application/json"], ["x-a", "1"], ["x-a", "2"]]
            body = base64.b64encode(b'{"b":1}').decode()
            return {"status": 201, "statusText": "Created", "url": wish.url, "headers": headers, "body": body}

        code = """async function onTrack(event, settings) {
          const answer = await fetch("https://a.example/x", {
            method: "post", headers: {Authorization: settings.key}, body: JSON.stringify(event), timeout: 100 })
          return [answer.status, answer.ok, answer.headers.get("X-A"), answer.headers.raw()["x-a"], await answer.json()]
        }"""
        ran = await run(await begin(code, fetcher=fetcher))
        assert ran.value == b'[201,true,"1, 2",["1","2"],{"b":1}]'
        (wish,) = wishes
        assert (wish.method, wish.url, wish.milliseconds) == ("POST", "https://a.example/x", 100)
        assert base64.b64decode(wish.body) == EVENT
        assert dict(wish.headers) == {"authorization": "k", "content-type": "text/plain;charset=UTF-8"}

    async def test_a_refusal_is_an_error_of_fetch(self, begin):
        code = "fetch('http://10.0.0.1').catch((e) => [e.name, e.type, e.code, e instanceof FetchError])"
        assert await value_of(begin, f"await {code}") == '["FetchError","system","EACCES",true]'

    async def test_a_call_makes_a_bounded_number_of_requests(self, begin):
        code = "(await Promise.allSettled([...Array(120)].map(() => fetch('http://a.example')))).map((r) => r.reason.message)"
        assert (await value_of(begin, code)).count("at most 100") == 20

    async def test_requests_that_wait_take_a_bounded_part_of_our_memory(self, begin):
        """Their bodies have left the process, so that its own limit does not count them."""
        held, sizes = asyncio.Event(), []

        async def fetcher(wish):
            sizes.append(len(wish.body))
            await held.wait()
            return {"status": 200, "url": wish.url, "headers": [], "body": ""}

        code = """const body = 'x'.repeat(2e6)
        const onTrack = () => Promise.all([...Array(30)].map(() =>
          fetch('http://a.example', { method: 'POST', body }).then((r) => r.status, (e) => e.code)))
        const onPage = () => 1"""
        sandbox = await begin(code, fetcher=fetcher)
        asked = asyncio.create_task(run(sandbox))
        await asyncio.sleep(0)  # so that it goes first
        await run(sandbox, "onPage")  # all that was asked before it has been read
        held.set()
        answers = json.loads((await asked).value)
        taken = len(sizes)
        assert sum(sizes) <= 32 << 20
        assert [answers.count(each) for each in (200, "ENOBUFS")] == [taken, 30 - taken]
        assert json.loads((await run(sandbox)).value).count(200) >= taken, "there is room again"

    async def test_a_body_is_read_once(self, begin):
        code = "[await new Response('a').text(), await (async (r) => (await r.text(), r.text()))(new Response('b')).catch((e) => e.name)]"
        assert await value_of(begin, code) == '["a","TypeError"]'

    async def test_an_aborted_request_is_over(self, begin):
        async def never(_):
            await asyncio.Event().wait()

        code = "await (() => { const c = new AbortController(); setTimeout(() => c.abort(), 10);"
        code += " return fetch('http://a.example', {signal: c.signal}).catch((e) => [e.name, e.type]) })()"
        assert await value_of(begin, code, fetcher=never) == '["AbortError","aborted"]'


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("crypto.createHmac('sha256', 'k').update('x').digest('hex').length", "64"),
        ("Buffer.from('a').toString('base64') + btoa('a') + atob('YQ==')", '"YQ==YQ==a"'),
        ("new URL('https://a/?b=c').searchParams.get('b')", '"c"'),
        ("zlib.zlib.gunzipSync(zlib.zlib.gzipSync('a')).toString()", '"a"'),
        ("event instanceof Object && [] instanceof Array && new RetryError('a') instanceof Error", "true"),
        ("typeof window.fetch + typeof window.RetryError", '"functionfunction"'),
        ("new Headers([['a', 'b'], ['A', 'c']]).get('a')", '"b, c"'),
        ("[...new Headers({b: '1', a: ['2', '3']})].join(';')", '"a,2, 3;b,1"'),
        ("(() => { try { new Headers({a: 'b\\nc'}) } catch (e) { return e.name } })()", '"TypeError"'),
        (
            "(() => { const f = new FormData(); f.append('a', 'b'); return f.getBuffer().toString().includes('name=\"a\"') })()",
            "true",
        ),
        ("await cache.load('a', 1000, async () => 1) + await cache.load('a', 1000, async () => 2)", "2"),
        ("(await cache.load('a', 1, async () => 1), cache.delete('a'), await cache.load('a', -1, async () => 2))", "2"),
        (
            "await cache.load('a', 9, async () => { throw new Error('x') }).catch(() => cache.load('a', 9, async () => 3))",
            "3",
        ),
        (
            "(await Promise.all([1, 2].map((n) => cache.load('a', 1000, async () => { await null; return n })))).join()",
            '"1,1"',
        ),
        ("typeof Segment", '"undefined"'),
    ],
)
async def test_what_a_function_finds_around_it(begin, expression, value):
    assert await value_of(begin, expression) == value


class TestSource:
    async def ran(self, begin, code, **request):
        given = {"url": "https://a/?b=1", "headers": [["X-A", "b"]], "body": '{"c":1}', "isForm": False} | request
        return await run(
            await begin(f"async function onRequest(request, settings) {{ {code} }}", kind="SOURCE"),
            "onRequest",
            encode(given),
        )

    async def test_a_request_reads_as_the_original_has_it(self, begin):
        code = "return [request.json(), await request.json(), request.text(), request.headers.get('x-a'), request.url.searchParams.get('b'), request.body]"
        ran = await self.ran(begin, code)
        assert ran.value == b'[{"c":1},{"c":1},"{\\"c\\":1}","b","1","{\\"c\\":1}"]'
        assert (
            await self.ran(begin, "return request.json()", body="a=b&c=d", isForm=True)
        ).value == b'{"a":"b","c":"d"}'
        assert (await self.ran(begin, "return request.json()", body="{")).error.name == "SyntaxError"

    async def test_what_is_sent_is_kept_until_the_end_and_dropped_by_an_error(self, begin):
        code = "Segment.track({event: 'e', userId: 'u', properties: {}, context: null}); Segment.set({collection: 'C', id: '1', properties: {a: 1}});"
        ran = await self.ran(begin, code)
        assert ran.messages == [
            '{"type":"track","userId":"u","event":"e","properties":{}}',
            '{"type":"set","collection":"c","id":"1","properties":{"a":1}}',
        ]
        assert (await self.ran(begin, code + "throw new Error('x')")).messages == []

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            ("track({userId: 'u'})", "event is required but not defined"),
            ("identify({traits: {}})", "One of userId,anonymousId is required but not defined"),
            ("alias({userId: 'u'})", "previousId is required but not defined"),
            ("set({collection: 'c'})", "id is required but not defined"),
        ],
    )
    async def test_what_is_missing_is_named(self, begin, call, message):
        ran = await self.ran(begin, f"Segment.{call}")
        assert ran.error == Thrown("ValidationError", message, ran.error.stack)


def encode(value):
    return json.dumps(value).encode()
