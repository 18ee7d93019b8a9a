import pytest

from penstock.kit.time import format_iso
from penstock.testing.control_plane import V1


async def events(control, query=""):
    return (await control.data("GET", f"/audit-events{query}", accept=V1))["events"]


async def test_a_change_is_told_with_its_actor_and_its_resource(control):
    source = (await control.data("POST", "/sources", {"slug": "shop", "metadataId": "iUM16Md8P2"}))["source"]
    (event, *_) = await events(control)
    assert event == {
        "id": event["id"],
        "timestamp": format_iso(control.clock.now_ms() - 1),
        "type": "Source Created",
        "actor": event["actor"],
        "resourceId": source["id"],
        "resourceType": "SOURCE",
        "resourceName": "shop",
    }


async def test_a_person_is_told_by_address(control):
    await control.data("POST", "/invites", {"invites": [{"email": "ada@example.com"}]})
    user_id = await control.join("ada@example.com")
    accepted = (await events(control))[0]
    assert accepted["type"] == "User Invite Accepted"
    assert (accepted["actor"], accepted["actorEmail"]) == (user_id, "ada@example.com")


async def test_pages_follow_the_time_while_more_is_recorded(control):
    for name in "abcde":
        await control.data("POST", "/labels", {"key": "k", "value": name})
    first = await control.data("GET", "/audit-events?pagination[count]=2", accept=V1)
    assert [each["resourceName"] for each in first["events"]] == ["k:e", "k:d"]
    await control.data("POST", "/labels", {"key": "k", "value": "f"})
    cursor = first["pagination"]["next"]
    second = await control.data("GET", f"/audit-events?pagination[count]=2&pagination[cursor]={cursor}", accept=V1)
    assert [each["resourceName"] for each in second["events"]] == ["k:c", "k:b"]


async def test_times_and_resources_narrow_what_is_told(control):
    moments = []
    for name in "abc":
        await control.data("POST", "/labels", {"key": "k", "value": name})
        moments.append((await events(control))[0]["timestamp"])
    found = await events(control, f"?startTime={moments[0]}&endTime={moments[2]}")
    assert [each["resourceName"] for each in found] == ["k:b", "k:a"]
    assert [each["resourceName"] for each in await events(control, "?resourceId=k:c")] == ["k:c"]
    assert {each["resourceType"] for each in await events(control, "?resourceType=SOURCE")} == {"SOURCE"}


@pytest.mark.parametrize("field", ["startTime", "endTime"])
async def test_what_is_no_time_is_refused_by_name(control, field):
    answer = await control.ask("GET", f"/audit-events?{field}=yesterday", accept=V1)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
