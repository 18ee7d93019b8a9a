import asyncio

import pytest

from penstock.resources.slices import select_snapshots
from penstock.spec.plans import second_id
from penstock.testing.control_plane import V1

ZERO_TIME = "0001-01-01T00:00:00.000Z"
SCHEMA = {"properties": {"properties": {"required": ["total"], "z": 1, "a": 2}}, "type": "object"}


def rule(key="Order Completed", version=1, **changes):
    return {"type": "TRACK", "key": key, "version": version, "jsonSchema": SCHEMA} | changes


@pytest.fixture
async def plan(control):
    body = {"name": "Web Shop (new)", "type": "LIVE"}
    return (await control.data("POST", "/tracking-plans", body, accept=V1))["trackingPlan"]


@pytest.fixture
def path(plan):
    return f"/tracking-plans/{plan['id']}"


@pytest.fixture
async def source(control):
    (found,) = (await control.data("GET", "/sources"))["sources"]
    return found["id"]


async def rules_of(control, path):
    return (await control.data("GET", f"{path}/rules", accept=V1))["rules"]


def names(rules):
    return [(each["type"], each.get("key"), each["version"]) for each in rules]


class TestPlans:
    async def test_a_plan_comes_back_as_it_was_made(self, control, plan, path):
        assert plan["id"].startswith("tp_")
        assert plan["slug"] == "web-shop-new"
        assert "description" not in plan
        assert plan["createdAt"] == plan["updatedAt"]
        assert (await control.data("GET", path))["trackingPlan"] == plan

    async def test_it_is_found_by_the_id_of_forwarded_violations_too(self, control, plan):
        path = f"/tracking-plans/{second_id(plan['id'])}"
        assert path.startswith("/tracking-plans/rs_")
        assert (await control.data("GET", path))["trackingPlan"] == plan
        await control.data("PUT", f"{path}/rules", {"rules": [rule()]})
        assert names(await rules_of(control, path)) == [("TRACK", "Order Completed", 1)]

    async def test_the_seed_answers_a_change_with_the_plan_and_the_official_contract_with_a_status(self, control, path):
        assert await control.data("PATCH", path, {"name": "N"}, accept=V1) == {"status": "SUCCESS"}
        changed = (await control.data("PATCH", path, {"description": "d"}))["trackingPlan"]
        assert (changed["name"], changed["description"], changed["slug"]) == ("N", "d", "web-shop-new")
        assert changed["updatedAt"] > changed["createdAt"]

    async def test_the_seed_makes_a_plan_with_its_rules(self, control):
        body = {"name": "Seed", "rules": [{"type": "IDENTIFY"}, rule(version=2)]}
        made = (await control.data("POST", "/tracking-plans", body))["trackingPlan"]
        assert made["type"] == "LIVE"
        rules = await rules_of(control, f"/tracking-plans/{made['id']}")
        assert names(rules) == [("IDENTIFY", None, 1), ("TRACK", "Order Completed", 2)]

    async def test_plans_are_listed_by_type_page_by_page(self, control, plan):
        for number in range(3):
            await control.data("POST", "/tracking-plans", {"name": f"T{number}", "type": "TEMPLATE"})
        first = await control.data("GET", "/tracking-plans?type=TEMPLATE&pagination[count]=2")
        assert [each["name"] for each in first["trackingPlans"]] == ["T0", "T1"]
        cursor = first["pagination"]["next"]
        rest = await control.data(
            "GET", f"/tracking-plans?type=TEMPLATE&pagination[count]=2&pagination[cursor]={cursor}"
        )
        assert [each["name"] for each in rest["trackingPlans"]] == ["T2"]
        assert rest["pagination"]["totalEntries"] == 3
        assert len((await control.data("GET", "/tracking-plans"))["trackingPlans"]) == 4
        answer = await control.ask("GET", "/tracking-plans?type=OLD", accept=V1)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "type")

    async def test_a_deleted_plan_takes_its_rules_and_connections_along(self, control, path, source):
        await control.data("PUT", f"{path}/rules", {"rules": [rule()]})
        await control.data("POST", f"{path}/sources", {"sourceId": source})
        assert await control.data("DELETE", path) == {"status": "SUCCESS"}
        assert (await control.ask("GET", path)).status_code == 404
        assert (await control.data("GET", f"/sources/{source}", accept=V1))["trackingPlanId"] is None
        async with control.database.reading() as connection:
            rows = await connection.exec_driver_sql("select count(*) from tracking_plan_rules")
            assert rows.scalar_one() == 0


class TestRules:
    async def test_rules_come_back_as_they_were_sent_in_their_order(self, control, path):
        sent = [rule("b"), rule("a", 1.5), {"type": "COMMON", "version": 1, "jsonSchema": {}}]
        assert await control.data("PUT", f"{path}/rules", {"rules": sent}) == {"status": "SUCCESS"}
        found = await rules_of(control, path)
        assert [{name: each[name] for name in sent[n]} for n, each in enumerate(found)] == sent
        assert list(found[0]["jsonSchema"]["properties"]["properties"]) == ["required", "z", "a"]
        assert {each["deprecatedAt"] for each in found} == {ZERO_TIME}
        assert "key" not in found[2]

    async def test_replacing_keeps_when_a_rule_was_made(self, control, path):
        await control.data("PUT", f"{path}/rules", {"rules": [rule("a"), rule("b")]})
        before = await rules_of(control, path)
        await control.data("PUT", f"{path}/rules", {"rules": [rule("c"), rule("b")]})
        after = await rules_of(control, path)
        assert names(after) == [("TRACK", "c", 1), ("TRACK", "b", 1)]
        assert after[1]["createdAt"] == before[1]["createdAt"] < after[0]["createdAt"]
        await control.data("PUT", f"{path}/rules", {"rules": []})
        assert await rules_of(control, path) == []

    async def test_an_update_changes_adds_and_renames(self, control, path):
        await control.data("PUT", f"{path}/rules", {"rules": [rule("a"), rule("b"), rule("c")]})
        changes = [rule("a", newKey="z"), rule("b", jsonSchema={}), rule("b", 2), rule("d", newKey="e")]
        await control.data("PATCH", f"{path}/rules", {"rules": changes})
        found = await rules_of(control, path)
        assert [each["key"] for each in found] == ["z", "b", "c", "b", "e"]
        assert found[1]["jsonSchema"] == {}
        assert found[3]["version"] == 2

    async def test_two_rules_can_swap_their_keys_one_after_the_other(self, control, path):
        await control.data("PUT", f"{path}/rules", {"rules": [rule("a"), rule("b", jsonSchema={})]})
        await control.data("PATCH", f"{path}/rules", {"rules": [rule("a", newKey="x")]})
        await control.data("PATCH", f"{path}/rules", {"rules": [rule("b", newKey="a", jsonSchema={})]})
        assert names(await rules_of(control, path)) == [("TRACK", "x", 1), ("TRACK", "a", 1)]
        taken = await control.ask("PATCH", f"{path}/rules", {"rules": [rule("x", newKey="a")]})
        assert (taken.status_code, taken.json()["errors"][0]["field"]) == (400, "rules.0.newKey")

    @pytest.mark.parametrize(
        "query",
        [
            "rules.0.type=TRACK&rules.0.key=a%20b&rules.0.version=1&rules.1.type=COMMON&rules.1.version=1",
            "rules[0][type]=TRACK&rules[0][key]=a%20b&rules[0][version]=1&rules[1][type]=COMMON&rules[1][version]=1",
            'rules={"type":"TRACK","key":"a%20b","version":1}&rules={"type":"COMMON","version":1}',
            'rules=[{"type":"TRACK","key":"a%20b","version":1},{"type":"COMMON","version":1.0}]',
        ],
    )
    async def test_rules_are_removed_however_a_client_names_them(self, control, path, query):
        sent = [rule("a b"), rule("a b", 2), {"type": "COMMON", "version": 1, "jsonSchema": {}}]
        await control.data("PUT", f"{path}/rules", {"rules": sent})
        await control.data("DELETE", f"{path}/rules?{query}")
        assert names(await rules_of(control, path)) == [("TRACK", "a b", 2)]
        await control.data("DELETE", f"{path}/rules?{query}")

    async def test_two_thousand_rules_are_taken_at_once_and_no_more(self, control, path):
        sent = [rule(f"e{number}") for number in range(2_001)]
        answer = await control.ask("PUT", f"{path}/rules", {"rules": sent})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == '"rules" must have at most 2000 items'
        await control.data("PUT", f"{path}/rules", {"rules": sent[:2_000]})
        page = await control.data("GET", f"{path}/rules?pagination[count]=200")
        assert (len(page["rules"]), page["pagination"]["totalEntries"]) == (200, 2_000)

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"jsonSchema": {"type": "texts"}}, "jsonSchema", "/type"),
            ({"jsonSchema": {"$ref": "http://x/"}}, "jsonSchema", "JSON pointer"),
            ({"jsonSchema": {"pattern": "(?!a)"}}, "jsonSchema", "/pattern"),
            ({"jsonSchema": "{}"}, "jsonSchema", "an object"),
            ({"key": ""}, "key", "required for TRACK"),
            ({"type": "ALIAS"}, "type", "COMMON"),
            ({"version": "1"}, "version", "must be a number"),
            ({"version": -1}, "version", ""),
        ],
    )
    async def test_a_rule_that_cannot_stand_is_refused_by_name(self, control, path, change, field, message):
        await control.data("PUT", f"{path}/rules", {"rules": [rule()]})
        for method in ("PUT", "PATCH"):
            answer = await control.ask(method, f"{path}/rules", {"rules": [rule("x"), rule("y") | change]}, accept=V1)
            assert answer.status_code == 422, answer.text
            (problem,) = answer.json()["errors"]
            assert problem["field"] == f"rules.1.{field}"
            assert message in problem["message"]
        assert names(await rules_of(control, path)) == [("TRACK", "Order Completed", 1)]

    async def test_one_rule_twice_in_a_request_is_refused(self, control, path):
        answer = await control.ask("PUT", f"{path}/rules", {"rules": [rule(), rule(version=1.0)]})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "rules.1")

    async def test_many_clients_at_once_lose_nothing(self, control, path):
        asked = [control.ask("PATCH", f"{path}/rules", {"rules": [rule(f"e{number}")]}) for number in range(8)]
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
        assert {each["key"] for each in await rules_of(control, path)} == {f"e{number}" for number in range(8)}


class TestConnections:
    async def test_a_source_is_connected_once_however_often_it_is_asked(self, control, path, plan, source):
        for _ in range(2):
            assert await control.data("POST", f"{path}/sources", {"sourceId": source}) == {"status": "SUCCESS"}
        listed = await control.data("GET", f"{path}/sources")
        assert [each["id"] for each in listed["sources"]] == [source]
        assert listed["pagination"]["totalEntries"] == 1
        assert (await control.data("GET", f"/sources/{source}", accept=V1))["trackingPlanId"] == plan["id"]
        assert "trackingPlanId" not in await control.data("GET", f"/sources/{source}")

    async def test_a_source_has_one_plan_and_keeps_it(self, control, path, source):
        await control.data("POST", f"{path}/sources", {"sourceId": source})
        other = (await control.data("POST", "/tracking-plans", {"name": "o"}))["trackingPlan"]["id"]
        answer = await control.ask("POST", f"/tracking-plans/{other}/sources", {"sourceId": source})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "sourceId")
        assert (await control.ask("DELETE", f"/tracking-plans/{other}/sources?sourceId={source}")).status_code == 404
        assert await control.data("DELETE", f"{path}/sources?sourceId={source}") == {"status": "SUCCESS"}
        assert (await control.data("GET", f"{path}/sources"))["sources"] == []

    async def test_only_a_source_that_exists_and_a_plan_that_can_be_enforced_are_connected(self, control, path, source):
        answer = await control.ask("POST", f"{path}/sources", {"sourceId": "nothing"}, accept=V1)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "sourceId")
        library = (await control.data("POST", "/tracking-plans", {"name": "l", "type": "RULE_LIBRARY"}))["trackingPlan"]
        answer = await control.ask("POST", f"/tracking-plans/{library['id']}/sources", {"sourceId": source})
        assert answer.status_code == 400
        assert (await control.ask("DELETE", f"{path}/sources", accept=V1)).json()["errors"][0]["field"] == "sourceId"

    async def test_a_deleted_source_is_disconnected(self, control, path, source):
        await control.data("POST", f"{path}/sources", {"sourceId": source})
        await control.data("DELETE", f"/sources/{source}")
        assert (await control.data("GET", f"{path}/sources"))["sources"] == []


async def test_changes_are_in_the_audit_trail(control, path, source):
    await control.data("PUT", f"{path}/rules", {"rules": [rule()]})
    await control.data("POST", f"{path}/sources", {"sourceId": source})
    await control.data("POST", f"{path}/sources", {"sourceId": source})
    await control.data("DELETE", path)
    async with control.database.reading() as connection:
        rows = await connection.exec_driver_sql("select type from audit_events order by timestamp, id")
        types = [row.type for row in rows]
    assert types[-4:] == ["Tracking Plan Created", "Tracking Plan Modified", "Source Modified", "Tracking Plan Deleted"]


class TestTheDataPlaneIsTold:
    async def told(self, control, kind):
        """The last that was published of a kind; None where it was buried."""
        return [snapshot for envelope, snapshot in await control.outbox() if envelope.kind == kind][-1]

    async def test_of_a_plan_and_each_change_of_its_rules(self, control, path):
        first = await self.told(control, "plan")
        assert (first.rules, first.name) == ([], "Web Shop (new)")
        await control.data("PUT", f"{path}/rules", {"rules": [rule()]}, accept=V1)
        second = await self.told(control, "plan")
        assert [(rule.type, rule.key, rule.version) for rule in second.rules] == [("TRACK", "Order Completed", 1.0)]
        assert second.version > first.version

    async def test_of_the_plan_that_a_source_has(self, control, path, plan, source):
        await control.data("POST", f"{path}/sources", {"sourceId": source}, accept=V1)
        assert (await self.told(control, "source")).plan_id == plan["id"]
        await control.data("DELETE", f"{path}/sources?sourceId={source}", accept=V1)
        assert (await self.told(control, "source")).plan_id == ""

    async def test_that_a_plan_is_gone_and_its_sources_have_none(self, control, path, source):
        await control.data("POST", f"{path}/sources", {"sourceId": source}, accept=V1)
        await control.data("DELETE", path, accept=V1)
        assert await self.told(control, "plan") is None
        assert (await self.told(control, "source")).plan_id == ""

    async def test_what_repair_publishes_is_what_operations_published(self, control, path, source):
        await control.data("PUT", f"{path}/rules", {"rules": [rule()]}, accept=V1)
        await control.data("POST", f"{path}/sources", {"sourceId": source}, accept=V1)
        async with control.database.reading() as connection:
            rows = dict(await select_snapshots(connection, control.sealer))
        assert rows["plan"] == await self.told(control, "plan")
        assert rows["source"].plan_id == (await self.told(control, "source")).plan_id
