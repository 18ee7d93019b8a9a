import pytest

from penstock.kit.time import format_iso
from penstock.resources.delivery_overview.repository import add_counts
from penstock.spec.facts import CountedOutcome
from penstock.testing.control_plane import V1

MINUTE = 31_559_640


@pytest.fixture
async def sources(control):
    """Two: the one that is there at first, and another."""
    made = await control.data("POST", "/sources", {"slug": "shop", "metadataId": "iUM16Md8P2"})
    (first, *_) = (await control.data("GET", "/sources"))["sources"]
    return first["id"], made["source"]["id"]


async def count(control, source_id, number, *, outcome="SUCCESSFULLY_RECEIVED", name="E", ago=1, version="1"):
    given = (control.first_run.workspace_id, source_id, "", "", outcome, "", "track", name, MINUTE - ago, number, 0)
    async with control.database.writing() as connection:
        await add_counts(connection, [CountedOutcome(*given, version)])


def path(more="", *, granularity="DAY", ago=24 * 60):
    start, end = format_iso((MINUTE - ago) * 60_000), format_iso(MINUTE * 60_000)
    return f"/events/volume?granularity={granularity}&startTime={start}&endTime={end}{more}"


async def test_received_events_are_counted_by_source_name_and_type(control, sources):
    await count(control, sources[0], 2)
    await count(control, sources[1], 3, ago=700)
    await count(control, sources[1], 1, name="F")
    await count(control, sources[1], 9, outcome="FAILED_ON_INGEST")
    data = await control.data("GET", path("&groupBy.0=source&groupBy.1=eventName"), accept=V1)
    told = [(each["source"]["slug"], each["eventName"], each["total"]) for each in data["result"]]
    assert told[0] == ("shop", "E", 3)
    assert [each[1:] for each in told[1:]] == [("E", 2), ("F", 1)]
    assert [point["time"] for point in data["result"][0]["series"]] == ["2030-01-01T00:00:00.000Z"]
    assert data["path"] == "/events/volume"
    query = data["query"]
    assert (query["groupBy"], query["workspaceId"]) == (["source", "eventName"], control.first_run.workspace_id)
    assert "sourceId" not in query


async def test_filters_narrow_what_is_counted(control, sources):
    await count(control, sources[0], 2)
    await count(control, sources[1], 3, version="2")
    for more, total in (
        ("", 5),
        (f"&sourceId={sources[0]}", 2),
        (f"&sourceId.0={sources[0]}&sourceId.1={sources[1]}", 5),
        ("&appVersion=2", 3),
        ("&eventName=E&eventType=track", 5),
        ("&eventType=page", 0),
    ):
        data = await control.data("GET", path(more))
        assert sum(each["total"] for each in data["result"]) == total, more


async def test_a_source_that_is_gone_keeps_its_past(control, sources):
    await count(control, sources[1], 3)
    await control.data("DELETE", f"/sources/{sources[1]}")
    (found,) = (await control.data("GET", path("&groupBy=source")))["result"]
    assert (found["source"], found["total"]) == ({"id": sources[1]}, 3)


async def test_another_workspace_sees_nothing_of_it(control, sources):
    await count(control, sources[0], 2)
    stranger = await control.token_with("*", workspace_id="another")
    assert (await control.data("GET", path(), authorization=stranger))["result"] == []


@pytest.mark.parametrize(
    ("more", "changes", "field"),
    [
        ("&groupBy=colour", {}, "groupBy"),
        ("&startTime=1", {}, "startTime"),
        ("", {"granularity": "MINUTE", "ago": 241}, "endTime"),
        ("", {"granularity": "HOUR", "ago": 14 * 1_440 + 1}, "endTime"),
        ("", {"granularity": "YEAR"}, "granularity"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(control, more, changes, field):
    answer = await control.ask("GET", path(more, **changes), accept=V1)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
