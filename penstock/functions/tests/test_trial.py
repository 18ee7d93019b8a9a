import pytest

from penstock.functions.trial import Trials
from penstock.js.sandbox import Limits
from penstock.spec.calls import FindHandlers, FoundHandlers, TriedRequest, TryFunction


@pytest.fixture
def trials(pool):
    return Trials(pool.broker, Limits())


async def test_all_that_a_run_did_is_told(trials, receiver):
    code = """async function onTrack(event, settings) {
      console.log("hello", event.name)
      const answer = await fetch(settings.url)
      await fetch("http://10.0.0.1/").catch(() => {})
      return answer.status
    }"""
    settings = b'{"url":"%s"}' % receiver.url.encode()
    report = await trials.answer(TryFunction("DESTINATION", code, "onTrack", b'{"name":"a"}', settings))
    assert (report.consequence, report.value, report.logs) == ("done", b"200", ["log hello a"])
    first, second = report.requests
    assert first == TriedRequest("GET", f"{receiver.url}/", 200)
    assert "outbound policy" in second.error
    assert report.milliseconds > 0


async def test_a_failure_tells_its_place(trials):
    code = "function onTrack() {\n  throw new RetryError('not now')\n}"
    report = await trials.answer(TryFunction("DESTINATION", code, "onTrack", b"{}"))
    assert (report.consequence, report.code, report.message) == ("retried", "retry", "RetryError: not now")
    assert "function.js:2:9" in report.stack


async def test_each_trial_begins_anew(trials):
    call = TryFunction("DESTINATION", "let count = 0; const onTrack = () => ++count", "onTrack", b"{}")
    assert [(await trials.answer(call)).value for _ in range(2)] == [b"1", b"1"]


async def test_a_source_function_shows_what_it_would_send(trials):
    code = "function onRequest(request) { Segment.track({userId: 'u', event: request.json().name}) }"
    given = b'{"url":"https://a/","headers":[],"body":"{\\"name\\":\\"n\\"}","isForm":false}'
    report = await trials.answer(TryFunction("SOURCE", code, "onRequest", given))
    assert report.messages == ['{"type":"track","userId":"u","event":"n"}']


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("const onTrack = (event) => event; function onBatch() {} // onPage", FoundHandlers(["onBatch", "onTrack"])),
        ("let onTrack = 7", FoundHandlers([])),
        ("nothing.there", FoundHandlers(problem="ReferenceError: nothing is not defined")),
        ("for (;;);", FoundHandlers(problem="the function held its process for longer than it may")),
    ],
)
@pytest.mark.usefixtures("soon_ended")
async def test_which_handlers_there_are_is_told_by_the_code_that_is_loaded(pool, code, found):
    trials = Trials(pool.broker, Limits(load_seconds=1.0))
    assert await trials.handlers(FindHandlers("INSERT_SOURCE", code)) == found


async def test_code_that_is_none_is_refused(trials):
    report = await trials.answer(TryFunction("DESTINATION", "function (", "onTrack", b"{}"))
    assert (report.consequence, report.code) == ("refused", "bad_request")
