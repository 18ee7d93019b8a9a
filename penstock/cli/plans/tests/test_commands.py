import json

import pytest

from penstock.resources.schema import add_seen
from penstock.spec.facts import SeenOnDay
from penstock.spec.findings import SeenProperty


async def make_source(control):
    source = (await control.data("POST", "/sources", {"slug": "shop", "metadataId": "iUM16Md8P2"}))["source"]
    properties = [SeenProperty("plan", 20, [20, 0, 0, 0, 0, 0, 0])]
    seen = SeenOnDay(control.first_run.workspace_id, source["id"], 10, "track", "Signup", 20, 1, 2, properties)
    async with control.database.writing() as connection:
        await add_seen(connection, [seen])
    return source


async def test_a_plan_is_drafted_from_what_a_source_has_seen_by_slug_or_id(commands):
    source = await make_source(commands.control)
    drafted = await commands.json("plan", "draft", "--source", "shop")
    (rule,) = drafted["rules"]
    assert (rule["type"], rule["key"], rule["version"]) == ("TRACK", "Signup", 1)
    assert rule["jsonSchema"]["properties"]["properties"]["required"] == ["plan"]
    assert await commands.json("plan", "draft", "--source", source["id"]) == drafted
    loose = await commands.json("plan", "draft", "--source", "shop", "--required-from", "21")
    assert "required" not in loose["rules"][0]["jsonSchema"]


async def test_a_draft_is_written_as_a_plan_is_and_imported(commands, tmp_path):
    await make_source(commands.control)
    file = tmp_path / "draft.csv"
    await commands.run("plan", "draft", "--source", "shop", "--format", "csv", "--out", str(file))
    assert "TRACK,Signup,1,plan,yes,string" in file.read_text()
    assert (await commands.json("plan", "import", str(file)))["rules"] == 1


async def test_a_name_for_a_plan_that_is_there_is_refused(commands, tmp_path):
    file = tmp_path / "x.json"
    file.write_text("[]")
    assert "--plan" in await commands.refused("plan", "import", str(file), "--plan", "tp_1", "--name", "Other")


async def test_a_source_that_is_not_there_is_one_line(commands):
    assert "nothing" in await commands.refused("plan", "draft", "--source", "nothing")


RULES = [
    {
        "type": "TRACK",
        "key": "Order Completed",
        "version": 1,
        "jsonSchema": {"properties": {"properties": {"properties": {"id": {"type": "string"}}, "required": ["id"]}}},
    },
    {"type": "IDENTIFY", "version": 1, "jsonSchema": {"type": "object"}},
]


@pytest.mark.parametrize("suffix", ["json", "csv"])
async def test_what_was_exported_is_imported_as_it_was(commands, tmp_path, suffix):
    first = tmp_path / "rules.json"
    first.write_text(json.dumps(RULES))
    made = await commands.json("plan", "import", str(first), "--name", "Shop")
    assert made["rules"] == 2
    file = tmp_path / f"Shop 2.{suffix}"
    await commands.run("plan", "export", made["trackingPlanId"], "--format", suffix, "--out", str(file))
    again = await commands.json("plan", "import", str(file))
    assert again["trackingPlanId"] != made["trackingPlanId"]
    told = [await commands.json("plan", "export", each["trackingPlanId"]) for each in (made, again)]
    # A table has no place for the plan's name.
    assert [each["name"] for each in told] == ["Shop", "Shop" if suffix == "json" else "Shop 2"]
    assert told[0]["rules"] == told[1]["rules"]
    assert [{**each, "key": each.get("key")} for each in told[0]["rules"]] == [
        {**each, "key": each.get("key")} for each in RULES
    ]


async def test_what_an_exported_file_tells_of_its_plan_is_that_of_the_new_one(commands, tmp_path):
    about = {"name": "Words", "type": "RULE_LIBRARY", "description": "For all."}
    file = tmp_path / "x.json"
    file.write_text(json.dumps({**about, "rules": RULES}))
    made = await commands.json("plan", "import", str(file))
    told = await commands.json("plan", "export", made["trackingPlanId"])
    assert {name: told[name] for name in about} == about


async def test_a_file_with_a_bad_line_changes_nothing(commands, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("Type,Name,Property\nTRACK,a,\nNOTHING,b,\n")
    assert "line 3, column Type" in await commands.refused("plan", "import", str(file))
    assert (await commands.control.data("GET", "/tracking-plans?pagination.count=10"))["trackingPlans"] == []


async def test_rules_that_the_api_refuses_leave_no_plan_behind(commands, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"rules": [{"type": "TRACK", "key": "a", "version": 1, "jsonSchema": {"type": 5}}]}))
    assert await commands.refused("plan", "import", str(file))
    assert (await commands.control.data("GET", "/tracking-plans?pagination.count=10"))["trackingPlans"] == []


async def test_a_typed_client_is_generated_from_a_plan_or_a_file(commands, tmp_path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES))
    made = await commands.json("plan", "import", str(file))
    out = tmp_path / "tracking.py"
    await commands.run("plan", "codegen", "--language", "python", "--plan", made["trackingPlanId"], "--out", str(out))
    assert "def order_completed(self, properties: OrderCompletedProperties" in out.read_text()
    await commands.run("plan", "codegen", "--language", "typescript", "--file", str(file), "--out", str(out))
    assert "orderCompleted(properties:" in out.read_text()
    assert "--plan or --file" in await commands.refused("plan", "codegen", "--language", "python")
