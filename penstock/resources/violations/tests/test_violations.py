import json

import msgspec
import pytest

from penstock.resources.violations.repository import WAYS_LIMIT, add_violations, select_violations
from penstock.spec.facts import ViolatedOnDay
from penstock.spec.findings import ViolationSample
from penstock.spec.samples import SampledEvents

DAY_MS = 86_400_000
DAYS = range(1 << 30)


def violated(count=1, *, source="s", day=10, field="properties.plan", workspace="w", message_id="m", kind="Required"):
    first, last = day * DAY_MS, day * DAY_MS + count
    samples = [ViolationSample(message_id, last, f"{field} is required")]
    about = ("track", "Signup", "TRACK", "Signup", 1.0)
    return ViolatedOnDay(workspace, source, day, *about, field, kind, count, first, last, samples)


async def add(database, *found):
    async with database.writing() as connection:
        await add_violations(connection, found)


async def told(database, days=DAYS, limit=100, **among):
    async with database.reading() as connection:
        return await select_violations(connection, "w", days, among, limit)


async def test_counts_of_one_way_are_added_over_facts_and_days(database):
    await add(database, violated(2), violated(3))
    await add(database, violated(4, day=11), violated(9, field="properties.seats"))
    groups, total = await told(database)
    assert {group.field: group.count for group in groups} == {"properties.plan": 9, "properties.seats": 9}
    assert total == 2
    (plan,) = [group for group in groups if group.field == "properties.plan"]
    assert (plan.first, plan.last) == (10 * DAY_MS, 11 * DAY_MS + 4)


async def test_the_most_frequent_come_first_and_the_rest_is_counted(database):
    await add(database, *(violated(number, field=f"f{number}") for number in (1, 3, 2)))
    groups, total = await told(database, limit=2)
    assert ([group.field for group in groups], total) == (["f3", "f2"], 3)


async def test_days_sources_and_workspaces_are_kept_apart(database):
    await add(
        database,
        violated(1),
        violated(2, day=11),
        violated(4, source="other"),
        violated(8, source="theirs", workspace="alien"),
    )
    assert sum(group.count for group in (await told(database, range(11, 12)))[0]) == 2
    assert sum(group.count for group in (await told(database, source_id="s"))[0]) == 3
    assert sum(group.count for group in (await told(database))[0]) == 7


async def test_a_source_has_so_many_ways_a_day_and_the_rest_are_other(database):
    await add(database, *(violated(1, field=f"f{number}") for number in range(WAYS_LIMIT - 1)))
    await add(database, *(violated(1, field=f"g{number}") for number in range(5)))
    await add(database, violated(1, field="f1"), violated(1, field="g4"), violated(1, field="g0"))
    groups, total = await told(database, limit=2_000)
    counts = {group.field: group.count for group in groups}
    assert total == len(counts) == WAYS_LIMIT + 1
    assert (counts["f1"], counts["g0"], counts["other"]) == (2, 2, 5)
    assert sum(counts.values()) == WAYS_LIMIT - 1 + 5 + 3


async def fill(control, source_id, *found):
    workspace, day = control.first_run.workspace_id, control.clock.now_ms() // DAY_MS
    rows = [msgspec.structs.replace(each, workspace_id=workspace, source_id=source_id, day=day) for each in found]
    async with control.database.writing() as connection:
        await add_violations(connection, rows)


async def make_source(control, slug="shop"):
    return (await control.data("POST", "/sources", {"slug": slug, "metadataId": "iUM16Md8P2"}))["source"]["id"]


class TestList:
    async def test_the_last_samples_are_told_by_message_id(self, control):
        source_id = await make_source(control)
        await fill(control, source_id, *(violated(1, message_id=f"m{number}") for number in range(7)))
        (one,) = (await control.data("GET", "/penstock/violations"))["violations"]
        assert (one["sourceId"], one["eventName"], one["field"], one["kind"], one["count"]) == (
            source_id,
            "Signup",
            "properties.plan",
            "Required",
            7,
        )
        assert json.dumps(one["rule"]) == '{"type": "TRACK", "key": "Signup", "version": 1}'
        assert [sample["messageId"] for sample in one["samples"]] == ["m2", "m3", "m4", "m5", "m6"]
        assert one["samples"][0]["description"] == "properties.plan is required"

    async def test_they_are_found_by_all_that_tells_them_apart(self, control):
        source_id, other_id = await make_source(control), await make_source(control, "other")
        await fill(control, source_id, violated(1), violated(2, kind="Pattern"))
        await fill(control, other_id, violated(4))

        async def total(query):
            return sum(
                one["count"] for one in (await control.data("GET", f"/penstock/violations?{query}"))["violations"]
            )

        assert [await total(query) for query in ("kind=Pattern", f"sourceId={other_id}", "event=Signup")] == [2, 4, 7]
        assert await total("event=Login") == await total("since=2999-01-01") == await total("until=2001-01-01") == 0

    @pytest.mark.parametrize("query", ["since=yesterday", "count=0", "count=1001"])
    async def test_what_cannot_be_read_is_refused_by_name(self, control, query):
        answer = await control.ask("GET", f"/penstock/violations?{query}")
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]

    async def test_they_go_with_their_source(self, control):
        source_id = await make_source(control)
        await fill(control, source_id, violated(1))
        await control.data("DELETE", f"/sources/{source_id}")
        assert (await control.data("GET", "/penstock/violations"))["violations"] == []


class TestEvents:
    async def test_events_are_asked_for_by_the_ids_of_samples(self, control):
        source_id = await make_source(control)
        control.roles.replies["FindSamples"] = SampledEvents([b'{"messageId":"m1","event":"Signup"}'])
        path = f"/penstock/violations/events?sourceId={source_id}&messageIds=m1&messageIds=m2"
        assert (await control.data("GET", path))["events"] == [{"messageId": "m1", "event": "Signup"}]
        call = control.roles.asked[-1]
        assert (call.workspace_id, call.source_id) == (control.first_run.workspace_id, source_id)
        assert (call.message_ids, call.limit) == (("m1", "m2"), 2)

    async def test_a_source_that_is_not_there_is_not_found(self, control):
        answer = await control.ask("GET", "/penstock/violations/events?sourceId=nothing&messageIds=m1")
        assert answer.status_code == 404

    @pytest.mark.parametrize("query", ["sourceId=s", "sourceId=s&" + "&".join(["messageIds=m"] * 21)])
    async def test_some_ids_and_not_too_many_are_needed(self, control, query):
        answer = await control.ask("GET", f"/penstock/violations/events?{query}")
        assert answer.json()["errors"][0]["field"] == "messageIds"
