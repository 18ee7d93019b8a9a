import json

import pytest

from penstock.api.operation import BODY_LIMIT
from penstock.testing.control_plane import V1


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic eA==", "Bearer unknown", "Bearer " + "x" * 999]
)
async def test_a_request_without_a_known_token_is_unauthorized(control, authorization):
    answer = await control.ask("GET", "/sources", authorization=authorization)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["type"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_reaches_as_far_as_its_permissions(control):
    token = await control.token_with("catalog:read")
    assert (await control.ask("GET", "/catalog/sources", authorization=token)).status_code == 200
    answer = await control.ask("GET", "/sources", authorization=token)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["type"] == "forbidden"


async def test_a_body_that_is_too_large_is_refused(control):
    answer = await control.ask("POST", "/sources", {"slug": "x" * (BODY_LIMIT + 1), "metadataId": "a"})
    assert answer.status_code == 413


async def test_the_status_of_an_invalid_body_is_the_contracts(control):
    assert (await control.ask("POST", "/sources", {})).status_code == 400
    answer = await control.ask("POST", "/sources", {}, accept=V1)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"


async def test_an_unknown_path_and_method_are_answered_in_the_envelope(control):
    assert (await control.ask("GET", "/nowhere")).json()["errors"][0]["type"] == "not-found"
    refused = await control.ask("PUT", "/sources")
    assert refused.json()["errors"][0]["type"] == "method-not-allowed"
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_an_identifier_that_is_too_long_is_not_found(control):
    assert (await control.ask("GET", f"/sources/{'x' * 256}")).status_code == 404


async def test_a_trailing_slash_is_accepted(control):
    assert (await control.ask("GET", "/catalog/sources/?pagination.count=1")).status_code == 200


async def test_the_root_is_the_workspace_except_for_browsers(control):
    assert (await control.data("GET", "/"))["workspace"]["name"] == "Test workspace"
    page = await control.ask("GET", "/", accept="text/html,application/xhtml+xml")
    assert page.headers["content-type"].startswith("text/html")


async def test_a_body_on_get_is_ignored(control):
    assert (await control.ask("GET", "/sources", {"anything": 1})).status_code == 200


async def test_what_fails_inside_tells_nothing_of_it(control, monkeypatch):
    await control.database.close()
    monkeypatch.setattr(control.database, "reading", lambda: 1 / 0)
    answer = await control.ask("GET", "/sources")
    assert answer.status_code == 500
    assert json.loads(answer.text) == {
        "errors": [{"type": "internal", "message": "the request failed inside Penstock"}]
    }


async def test_an_answer_waits_for_what_it_changed_and_for_nothing_else(control):
    await control.ask("GET", "/sources")
    assert control.published == []
    await control.ask("POST", "/sources", {"slug": "a", "metadataId": "iUM16Md8P2"})
    assert len(control.published) == 1
