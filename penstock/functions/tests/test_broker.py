import pytest

from penstock.testing.receiver import Reply


async def test_a_request_goes_out_and_its_answer_comes_back(run, receiver):
    receiver.answer = lambda _: Reply(418, {"x-a": "b"}, b'{"c":1}')
    body = """
      const answer = await fetch(settings.url, {method: "PUT", headers: {"X-Key": "k"}, body: JSON.stringify(event)})
      return [answer.status, answer.ok, answer.headers.get("x-a"), await answer.json(), answer.url === settings.url]
    """
    outcome = await run(body, {"type": "track", "n": 1}, settings={"url": f"{receiver.url}/in"})
    assert outcome.value == b'[418,false,"b",{"c":1},true]'
    (got,) = receiver.requests
    assert (got.method, got.path, got.json()) == ("PUT", "/in", {"type": "track", "n": 1})
    assert got.headers["x-key"] == "k"


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0:1/",
        "http://3232235777/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:text/plain,x",
    ],
)
async def test_what_the_policy_refuses_is_an_error_that_the_code_can_catch(run, receiver, url):
    outcome = await run("return await fetch(settings.url).catch((e) => e.name + e.code)", settings={"url": url})
    assert outcome.value in (b'"FetchErrorEACCES"', b'"FetchErrorERR_INVALID_URL"'), outcome
    assert receiver.requests == []


async def test_a_redirect_is_judged_like_the_first_address(run, receiver):
    receiver.answer = lambda _: Reply(302, {"location": "http://169.254.169.254/"})
    outcome = await run("return await fetch(settings.url).catch((e) => e.code)", settings={"url": receiver.url})
    assert outcome.value == b'"EACCES"'


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ("{redirect: 'manual'}", b"302"),
        ("{redirect: 'error'}", b'"no-redirect"'),
        ("{follow: 2}", b'"max-redirect"'),
    ],
)
async def test_options_of_node_fetch_are_known(run, receiver, options, value):
    receiver.answer = lambda _: Reply(302, {"location": "/again"})
    body = f"return await fetch(settings.url, {options}).then((r) => r.status, (e) => e.type)"
    assert (await run(body, settings={"url": receiver.url})).value == value


@pytest.mark.parametrize(("options", "type_"), [("{timeout: 100}", "request-timeout"), ("{size: 1}", "max-size")])
async def test_limits_of_a_request_hold(run, receiver, options, type_):
    receiver.answer = lambda _: Reply(0) if type_ == "request-timeout" else Reply(200, {}, b"long")
    body = f"return await fetch(settings.url, {options}).catch((e) => e.type)"
    assert (await run(body, settings={"url": receiver.url})).value == f'"{type_}"'.encode()
