import msgspec
import pytest

from penstock.resources.schema.repository import EVENTS_LIMIT, add_seen, select_events
from penstock.spec.facts import SeenOnDay
from penstock.spec.findings import PROPERTIES_LIMIT, SeenProperty
from penstock.spec.samples import SampledEvents

DAY_MS = 86_400_000
STRING, NUMBER = [1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0]


def seen(name="Signup", count=1, *, day=10, properties=(), kind="track", source="s", workspace="w"):
    at = day * DAY_MS
    return SeenOnDay(workspace, source, day, kind, name, count, at, at + count, list(properties))


def plan(count=1, types=STRING, path="plan"):
    return SeenProperty(path, count, [count * number for number in types])


async def add(database, *found):
    async with database.writing() as connection:
        await add_seen(connection, found)


async def counts(database, day=0):
    async with database.reading() as connection:
        return {event.event_name: event.count for event in await select_events(connection, "w", "s", day)}


async def test_facts_are_added_to_their_day_and_to_all_days(database):
    await add(database, seen(count=2), seen(count=3), seen("Login"))
    await add(database, seen(count=4, day=11))
    assert await counts(database) == {"Signup": 9, "Login": 1}
    assert await counts(database, 10) == {"Signup": 5, "Login": 1}
    assert await counts(database, 11) == {"Signup": 4}


async def test_a_source_has_a_thousand_events_and_the_rest_are_other(database):
    await add(database, *(seen(f"Event {number}") for number in range(EVENTS_LIMIT - 1)))
    await add(database, *(seen(f"More {number}") for number in range(5)))
    await add(database, seen("Event 1"), seen("More 4", properties=[plan()]), seen("More 0"))
    found = await counts(database)
    assert len(found) == EVENTS_LIMIT + 1
    assert (found["Event 1"], found["More 0"], found["other"]) == (2, 2, 5)


async def test_names_that_were_not_seen_for_a_week_make_room_for_others(database):
    await add(database, *(seen(f"Old {number}") for number in range(EVENTS_LIMIT)))
    await add(database, seen("Old 7", day=16))
    await add(database, seen("New", day=18), seen("Old 8", day=18))
    found = await counts(database)
    assert found == {"Old 7": 2, "Old 8": 2, "New": 1}


async def fill(control, source_id, *found):
    workspace = control.first_run.workspace_id
    rows = [msgspec.structs.replace(each, workspace_id=workspace, source_id=source_id) for each in found]
    async with control.database.writing() as connection:
        await add_seen(connection, rows)


@pytest.fixture
async def source_id(control):
    return (await control.data("POST", "/sources", {"slug": "shop", "metadataId": "iUM16Md8P2"}))["source"]["id"]


class TestList:
    async def test_events_are_told_with_their_counts_the_most_frequent_first(self, control, source_id):
        await fill(control, source_id, seen("Login"), seen(count=3, properties=[plan(3)]), seen("", kind="identify"))
        found = await control.data("GET", f"/penstock/sources/{source_id}/schema")
        first = found["events"][0]
        assert [first[name] for name in ("type", "name", "count", "properties")] == ["track", "Signup", 3, 1]
        assert (first["firstSeenAt"], first["lastSeenAt"]) == ("1970-01-11T00:00:00.000Z", "1970-01-11T00:00:00.003Z")
        assert {(event["type"], event["name"]) for event in found["events"][1:]} == {
            ("track", "Login"),
            ("identify", ""),
        }

    async def test_a_day_can_be_asked_for(self, control, source_id):
        await fill(control, source_id, seen(count=3), seen(count=4, day=11))
        found = await control.data("GET", f"/penstock/sources/{source_id}/schema?day=1970-01-12")
        assert [event["count"] for event in found["events"]] == [4]


class TestEvent:
    async def test_properties_are_told_with_types_times_and_days(self, control, source_id):
        await fill(control, source_id, seen(count=3, properties=[plan(2), plan(1, NUMBER, "cart.total")]))
        await fill(control, source_id, seen(count=4, day=11, properties=[plan(1, NUMBER)]))
        path = f"/penstock/sources/{source_id}/schema/event?type=track&name=Signup"
        event = (await control.data("GET", path))["event"]
        assert event["count"] == 7
        total, own = event["properties"]
        assert (total["path"], total["count"], total["types"]) == ("cart.total", 1, {"number": 1})
        assert (own["path"], own["count"], own["types"]) == ("plan", 3, {"string": 2, "number": 1})
        assert (own["firstSeenAt"][:10], own["lastSeenAt"][:10]) == ("1970-01-11", "1970-01-12")
        assert event["days"] == [
            {"day": "1970-01-11", "count": 3, "properties": {"cart.total": 1, "plan": 2}},
            {"day": "1970-01-12", "count": 4, "properties": {"plan": 1}},
        ]

    async def test_an_event_has_so_many_names_and_the_rest_are_other(self, control, source_id):
        wide = [plan(path=f"p{number}") for number in range(PROPERTIES_LIMIT)]
        await fill(control, source_id, seen(properties=wide), seen(properties=[plan(path="one"), plan(path="more")]))
        path = f"/penstock/sources/{source_id}/schema/event?type=track&name=Signup"
        found = {each["path"]: each["count"] for each in (await control.data("GET", path))["event"]["properties"]}
        assert (len(found), found["other"]) == (PROPERTIES_LIMIT + 1, 2)

    @pytest.mark.parametrize("query", ["type=track&name=Nothing", "type=identify"])
    async def test_what_was_never_seen_is_not_found(self, control, source_id, query):
        answer = await control.ask("GET", f"/penstock/sources/{source_id}/schema/event?{query}")
        assert answer.status_code == 404

    async def test_it_goes_with_its_source(self, control, source_id):
        await fill(control, source_id, seen())
        await control.data("DELETE", f"/sources/{source_id}")
        async with control.database.reading() as connection:
            assert await select_events(connection, control.first_run.workspace_id, source_id) == []


class TestDraft:
    @pytest.fixture
    async def rules(self, control, source_id):
        items = [plan(10, [0, 0, 0, 0, 1, 0, 0], "items"), plan(10, [0, 0, 0, 0, 0, 1, 0], "items.$")]
        items += [plan(8, path="items.$.sku"), plan(2, NUMBER, "total"), plan(3, [0, 1, 0, 0, 0, 0, 1], "total")]
        await fill(control, source_id, seen(count=10, properties=[plan(10), *items]))
        await fill(control, source_id, seen("", 3, kind="identify", properties=[plan(3, path="email")]))
        await fill(control, source_id, *(seen(name, 6, kind="page", properties=[plan(6)]) for name in ("A", "B")))
        await fill(control, source_id, seen("", kind="alias"), seen("Bare"))
        found = await control.data("GET", f"/penstock/sources/{source_id}/schema/plan")
        return {(rule["type"], rule["key"]): rule["jsonSchema"] for rule in found["rules"]}

    async def test_each_tracked_name_and_each_other_kind_gets_a_rule(self, rules):
        assert set(rules) == {("TRACK", "Signup"), ("TRACK", "Bare"), ("IDENTIFY", ""), ("PAGE", "")}

    async def test_types_and_what_objects_hold_are_proposed(self, rules):
        declared = rules["TRACK", "Signup"]["properties"]["properties"]["properties"]
        assert declared["plan"] == {"type": "string"}
        assert declared["total"] == {"type": ["number", "null"]}
        item = {"type": "object", "properties": {"sku": {"type": "string"}}}
        assert declared["items"] == {"type": "array", "items": item}

    async def test_names_with_dots_and_one_that_is_a_dollar_are_declared_as_they_are(self, control, source_id):
        names = [plan(10, path=path) for path in ("a.b", "$", "cart.x.y", "cart.$")]
        names += [plan(10, [0, 0, 0, 0, 0, 1, 0], "cart"), plan(10, path="cart.item")]
        await fill(control, source_id, seen(count=10, properties=names))
        (rule,) = (await control.data("GET", f"/penstock/sources/{source_id}/schema/plan"))["rules"]
        held = rule["jsonSchema"]["properties"]["properties"]
        assert (set(held), held["required"]) == ({"type", "properties", "required"}, ["$", "a.b", "cart"])
        assert held["properties"]["a.b"] == held["properties"]["$"] == {"type": "string"}
        assert set(held["properties"]["cart"]["properties"]) == {"x.y", "$", "item"}

    async def test_what_all_of_enough_events_had_is_required(self, rules):
        signup = rules["TRACK", "Signup"]
        assert signup["required"] == ["properties"]
        assert signup["properties"]["properties"]["required"] == ["items", "plan"]
        assert rules["PAGE", ""]["properties"]["properties"]["required"] == ["plan"]
        assert "required" not in rules["IDENTIFY", ""]

    async def test_the_proposal_is_taken_as_the_rules_of_a_plan(self, control, source_id, rules):
        proposed = await control.data("GET", f"/penstock/sources/{source_id}/schema/plan?requiredFrom=1")
        made = (await control.data("POST", "/tracking-plans", {"name": "Web", "type": "LIVE"}))["trackingPlan"]
        path = f"/tracking-plans/{made['id']}/rules"
        await control.data("PUT", path, proposed)
        stored = (await control.data("GET", f"{path}?pagination.count=10"))["rules"]
        assert {(rule["type"], rule.get("key", "")) for rule in stored} == set(rules)

    async def test_a_source_that_has_seen_nothing_gets_no_rules(self, control, source_id):
        assert await control.data("GET", f"/penstock/sources/{source_id}/schema/plan") == {"rules": []}


class TestSamples:
    PATH = "/penstock/sources/{}/schema/samples?type=track&name=Signup"

    @pytest.fixture
    def found(self, control):
        def answer(*properties):
            events = [msgspec.json.encode({"type": "track", "properties": each}) for each in properties]
            control.roles.replies["FindSamples"] = SampledEvents(events)

        return answer

    async def test_different_values_are_told_by_path(self, control, source_id, found):
        items = [{"sku": "a"}, {"sku": "b"}, 7]
        found({"plan": "pro", "items": items}, {"plan": "pro", "ok": True}, {"plan": None, "cart": {"id": 1}})
        told = await control.data("GET", self.PATH.format(source_id))
        assert told["events"] == 3
        assert {each["path"]: each["values"] for each in told["samples"]} == {
            "cart.id": [1],
            "items.$": [7],
            "items.$.sku": ["a", "b"],
            "ok": [True],
            "plan": ["pro", None],
        }

    async def test_values_are_few_and_short(self, control, source_id, found):
        found(*({"plan": f"{number}{'x' * 500}"} for number in range(9)))
        (one,) = (await control.data("GET", self.PATH.format(source_id)))["samples"]
        assert [len(value) for value in one["values"]] == [200] * 5

    async def test_the_engine_is_asked_for_the_source_of_the_asker(self, control, source_id, found):
        found()
        await control.data("GET", self.PATH.format(source_id) + "&count=7")
        call = control.roles.asked[-1]
        assert (call.workspace_id, call.source_id) == (control.first_run.workspace_id, source_id)
        assert (call.event_type, call.event_name, call.limit) == ("track", "Signup", 7)

    async def test_a_source_that_is_not_there_is_not_found(self, control, found):
        found()
        assert (await control.ask("GET", self.PATH.format("nothing"))).status_code == 404
