from penstock.kit.sketch import Sketch
from penstock.kit.time import parse_iso
from penstock.resources.usage import add_usage
from penstock.spec.facts import CountedUsage

FIRST = parse_iso("2030-01-01") // 86_400_000
NOBODY = Sketch().encode()


async def test_calls_are_cumulative_by_day_of_the_workspace_and_of_each_source(control):
    used = [("a", FIRST, 5), ("b", FIRST, 1), ("b", FIRST + 1, 2), ("a", FIRST - 1, 9)]
    async with control.database.writing() as connection:
        workspace_id = control.first_run.workspace_id
        await add_usage(connection, [CountedUsage(workspace_id, *each, NOBODY, NOBODY, NOBODY) for each in used])
    data = await control.data("GET", "/usage/api-calls/daily?period=2030-01-01")
    assert [row["apiCalls"] for row in data["dailyWorkspaceAPICallsUsage"]] == ["6", "8"]
    data = await control.data("GET", "/usage/api-calls/sources/daily?period=2030-01-01")
    rows = [(row["sourceId"], row["apiCalls"]) for row in data["dailyPerSourceAPICallsUsage"]]
    assert rows == [("a", "5"), ("b", "1"), ("a", "5"), ("b", "3")]
    assert data["dailyPerSourceAPICallsUsage"][0]["timestamp"] == "2030-01-01T00:00:00.000Z"


async def test_usage_is_read_by_those_who_may_alone(control):
    refused = await control.ask(
        "GET", "/usage/api-calls/daily?period=2030-01-01", authorization=await control.token_with("source:read")
    )
    assert refused.status_code == 403
    allowed = await control.token_with("usage:read")
    assert (
        await control.ask("GET", "/usage/api-calls/daily?period=2030-01-01", authorization=allowed)
    ).status_code == 200
