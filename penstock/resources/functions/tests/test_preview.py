import msgspec
import pytest

from penstock.spec.calls import TrialReport, TriedRequest, TryFunction
from penstock.testing.control_plane import V1

CODE = "async function onTrack(event, settings) {}"


@pytest.fixture
async def path(control):
    asked = {"code": CODE, "displayName": "n", "resourceType": "DESTINATION"}
    function = (await control.data("POST", "/functions", asked))["function"]
    return f"/penstock/functions/{function['id']}/preview"


@pytest.mark.parametrize(
    ("body", "handler", "given"),
    [
        ({"event": {"type": "track", "event": "a"}}, "onTrack", b'{"type":"track","event":"a"}'),
        ({"events": [{"type": "page"}]}, "onBatch", b'[{"type":"page"}]'),
        (
            {"request": {"body": "a=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}},
            "onRequest",
            (
                b'{"url":"https://functions.example/","headers":[["Content-Type","application/x-www-form-urlencoded"]],'
                b'"body":"a=b","isForm":true}'
            ),
        ),
    ],
)
async def test_the_role_is_asked_to_run_what_the_sample_needs(control, path, body, handler, given):
    control.roles.replies["TryFunction"] = TrialReport(value=b'{"a":1}')
    data = await control.data("POST", path, body | {"settings": {"k": "v"}})
    assert control.roles.asked[-1] == TryFunction("DESTINATION", CODE, handler, given, b'{"k":"v"}')
    assert data["preview"] == {
        "outcome": "done",
        "result": {"a": 1},
        "logs": [],
        "requests": [],
        "messages": [],
        "durationMs": 0.0,
    }


async def test_other_code_can_be_tried_and_all_is_told(control, path):
    requests = [TriedRequest("GET", "https://a/", 200), TriedRequest("GET", "https://b/", 0, "refused")]
    control.roles.replies["TryFunction"] = TrialReport(
        "refused",
        "bad_request",
        "Error: a",
        "at function.js:1:1",
        b"null",
        ["log x"],
        ['{"type":"track"}'],
        requests,
        1.5,
    )
    data = await control.data("POST", path, {"event": {"type": "track"}, "code": "// 2"})
    assert control.roles.asked[-1].code == "// 2"
    preview = data["preview"]
    assert preview["error"] == {"code": "bad_request", "message": "Error: a", "stack": "at function.js:1:1"}
    assert (preview["logs"], preview["messages"], preview["durationMs"]) == (["log x"], [{"type": "track"}], 1.5)
    assert [each["error"] for each in preview["requests"]] == ["", "refused"]


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "event"), ({"event": {}, "events": []}, "event"), ({"event": {"type": 1}}, "event.type")],
)
async def test_a_sample_of_no_kind_is_refused(control, path, body, field):
    answer = await control.ask("POST", path, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_where_the_role_is_down_it_is_named(control, path):
    answer = await control.ask("POST", path, {"event": {"type": "track"}})
    assert (answer.status_code, answer.json()["errors"][0]["data"]) == (503, {"role": "engine"})


class TestWebhook:
    @pytest.fixture
    async def source(self, control):
        asked = {"code": "function onRequest() {}", "displayName": "n", "resourceType": "SOURCE"}
        return (await control.data("POST", "/functions", asked, accept=V1))["function"]

    @staticmethod
    async def send(control, url, content, **headers):
        given = {"authorization": f"Bearer {control.first_run.token}", "content-type": "application/json"}
        return await control.client.post(url, content=content, headers=given | headers)

    async def test_its_address_stands_at_source_functions_and_stays_as_it_is(self, control, source, path):
        url = source["previewWebhookUrl"]
        assert url == f"{control.services.public_url}/penstock/functions/{source['id']}/webhook"
        one = f"/functions/{source['id']}"
        await control.data("POST", f"{one}/deploy")
        changed = await control.data("PATCH", one, {"code": "// 2"}, accept=V1)
        assert changed["function"]["previewWebhookUrl"] == url
        other = path.removeprefix("/penstock").removesuffix("/preview")
        assert "previewWebhookUrl" not in (await control.data("GET", other, accept=V1))["function"]

    async def test_a_request_is_given_to_the_newest_code_and_told_as_a_trial_is(self, control, source):
        await control.data("POST", f"/functions/{source['id']}/deploy")
        await control.data("PATCH", f"/functions/{source['id']}", {"code": "// saved, not deployed"})
        control.roles.replies["TryFunction"] = TrialReport(messages=['{"type":"track"}'], logs=["log x"])
        url = source["previewWebhookUrl"] + "?token=t"
        answer = await self.send(
            control, url, b'{"b": 1, "a": 2}', **{"penstock-settings": '{"k": "v"}', "x-via": "hook"}
        )
        assert answer.json()["data"]["preview"]["messages"] == [{"type": "track"}]
        call = control.roles.asked[-1]
        assert (call.kind, call.code, call.handler) == ("SOURCE", "// saved, not deployed", "onRequest")
        given = msgspec.json.decode(call.given)
        assert (given["body"], given["isForm"], call.settings) == ('{"b": 1, "a": 2}', False, b'{"k":"v"}')
        assert given["url"].endswith("/webhook?token=t")
        told = dict(given["headers"])
        assert told["x-via"] == "hook"
        assert not {"authorization", "penstock-settings"} & told.keys(), "a function must not learn the token"

    async def test_a_form_is_given_as_it_was_sent(self, control, source):
        control.roles.replies["TryFunction"] = TrialReport()
        form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        assert (await self.send(control, source["previewWebhookUrl"], b"a=b", **form)).is_success
        given = msgspec.json.decode(control.roles.asked[-1].given)
        assert (given["body"], given["isForm"]) == ("a=b", True)

    @pytest.mark.parametrize(
        ("content", "headers", "status"),
        [
            (b"{not json", {}, 400),
            (b"x", {"content-type": "text/plain"}, 400),
            (b"{}", {"penstock-settings": "[1]"}, 400),
            (b'"' + b"x" * (512 << 10) + b'"', {}, 413),
            (b"{}", {"authorization": "Bearer nobody"}, 401),
        ],
    )
    async def test_what_no_deployed_function_would_be_given_is_refused(self, control, source, content, headers, status):
        control.roles.replies["TryFunction"] = TrialReport()
        answer = await self.send(control, source["previewWebhookUrl"], content, **headers)
        assert answer.status_code == status, answer.text
        assert not any(isinstance(call, TryFunction) for call in control.roles.asked)

    async def test_who_may_read_functions_alone_may_not_run_them(self, control, source):
        reader = {"authorization": await control.token_with("function:read")}
        assert (await self.send(control, source["previewWebhookUrl"], b"{}", **reader)).status_code == 403

    async def test_another_kind_has_no_webhook(self, control, path):
        answer = await self.send(control, path.replace("/preview", "/webhook"), b"{}")
        assert (answer.status_code, "no source function" in answer.text) == (400, True)
