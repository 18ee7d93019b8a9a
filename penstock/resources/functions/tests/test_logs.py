"""What a function printed, as the API tells it."""

import pytest

from penstock.spec.function_logs import FindLogs, FoundLogs, KeptRequest, LogLine


@pytest.fixture
async def function_id(control):
    asked = {"code": "const onTrack = () => 1", "displayName": "n", "resourceType": "DESTINATION"}
    return (await control.data("POST", "/functions", asked))["function"]["id"]


async def test_the_role_is_asked_for_the_lines_of_this_function(control, function_id):
    line = LogLine(1_893_578_400_000, "warn", "text", "d1", 3)
    control.roles.replies["FindLogs"] = FoundLogs([line])
    data = await control.data("GET", f"/penstock/functions/{function_id}/logs?count=900")
    assert control.roles.asked[-1] == FindLogs(control.first_run.workspace_id, function_id, 200)
    told = {"time": "2030-01-02T10:00:00.000Z", "level": "warn", "text": "text", "placeId": "d1", "skipped": 3}
    assert data["logs"] == [told]


async def test_what_a_failed_run_had_asked_for_is_told_whole(control, function_id):
    asked = KeptRequest("POST", "https://a/", 500, "", {"accept": "json"}, "sent", {"x": "y"}, "came")
    line = LogLine(1_893_578_400_000, "request", "POST https://a/ 500", "d1", request=asked)
    control.roles.replies["FindLogs"] = FoundLogs([line])
    (told,) = (await control.data("GET", f"/penstock/functions/{function_id}/logs"))["logs"]
    assert told["request"] == {
        "method": "POST",
        "url": "https://a/",
        "status": 500,
        "error": "",
        "headers": {"accept": "json"},
        "body": "sent",
        "responseHeaders": {"x": "y"},
        "responseBody": "came",
    }


@pytest.mark.parametrize(("path", "status"), [("nothing/logs", 404), ("{}/logs?count=0", 400)])
async def test_what_is_not_there_and_no_count_are_refused(control, function_id, path, status):
    answer = await control.ask("GET", f"/penstock/functions/{path.format(function_id)}")
    assert answer.status_code == status
