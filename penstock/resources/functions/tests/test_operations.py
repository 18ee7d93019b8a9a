import pytest

from penstock.spec.calls import FindHandlers, FoundHandlers, ParseReport
from penstock.spec.event import EventType
from penstock.testing.control_plane import ALPHA, V1

CODE = "async function onTrack(event, settings) {\n  return event\n}\n"
WEBHOOK = "614a3c7d791c91c41bae7599"
KEY = {"name": "apiKey", "label": "Key", "description": "", "type": "STRING", "required": True, "sensitive": True}
FLAG = {"name": "on", "label": "On", "description": "d", "type": "BOOLEAN", "required": False, "sensitive": False}
NAMES = KEY | {"name": "names", "type": "ARRAY", "required": False, "sensitive": False}
HEADERS = KEY | {"name": "headers", "type": "TEXT_MAP", "required": False}
ASKED = {"code": CODE, "displayName": "Names", "resourceType": "DESTINATION"}


async def make(control, **changes):
    return (await control.data("POST", "/functions", ASKED | changes, accept=V1))["function"]


async def refusal(control, method, path, body, accept=V1):
    answer = await control.ask(method, path, body, accept=accept)
    assert answer.status_code >= 400, answer.text
    problem = answer.json()["errors"][0]
    return answer.status_code, problem.get("field", ""), problem["message"]


async def audited(control):
    async with control.database.reading() as connection:
        rows = await connection.exec_driver_sql("select type from audit_events order by timestamp, id")
        return [row.type for row in rows]


class TestCreate:
    async def test_a_new_function_is_not_deployed(self, control):
        made = await make(control, settings=[KEY, FLAG], description="d", logoUrl="https://logo.example/a.png")
        known = (await control.data("GET", f"/functions/{made['id']}", accept=V1))["function"]
        assert known == made
        assert made.pop("id").startswith("dfn_")
        assert made.pop("createdAt").endswith("Z")
        assert made.pop("createdBy")
        assert len(made.pop("catalogId")) == 24
        assert made == ASKED | {
            "displayName": "Names (Test workspace)",
            "settings": [KEY, FLAG],
            "description": "d",
            "logoUrl": "https://logo.example/a.png",
            "deployedAt": None,
            "batchMaxCount": 0,
            "isLatestVersion": False,
        }

    async def test_how_many_a_batch_has_is_told_where_the_installation_raised_it(self, control):
        control.services.function_batch_events = 100
        for kind, told in (("DESTINATION", 100), ("INSERT_DESTINATION", 0), ("SOURCE", 0)):
            assert (await make(control, resourceType=kind))["batchMaxCount"] == told

    async def test_the_seed_needs_code_and_kind_and_is_told_what_it_knows(self, control):
        body = {"code": "// My test code!", "resourceType": "SOURCE", "settings": [{"name": "a"}]}
        made = (await control.data("POST", "/functions", body))["function"]
        setting = {"name": "a", "label": "", "description": "", "type": "STRING", "required": False, "sensitive": False}
        assert set(made) == {"id", "createdAt", "createdBy", "code", "resourceType", "settings"}
        assert made["settings"] == [setting]
        named = (await control.data("POST", "/functions", body | {"displayName": "x"}))["function"]
        assert named["displayName"] == "x"

    @pytest.mark.parametrize(
        ("kind", "prefix", "name"),
        [
            ("SOURCE", "sfnc_", "Names"),
            ("DESTINATION", "dfn_", "Names (Test workspace)"),
            ("INSERT_DESTINATION", "ifnd_", "Names (Test workspace)"),
            ("INSERT_SOURCE", "ifns_", "Names (Test workspace)"),
            ("INSERT_TRANSFORMATION", "ifnt_", "Names"),
        ],
    )
    async def test_kinds_are_told_apart_by_id_and_name(self, control, kind, prefix, name):
        made = await make(control, resourceType=kind)
        assert made["id"].startswith(prefix)
        assert made["displayName"] == name

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"code": "fetch('https://fn.segmentapis.com/?b=x')"}, "code", "originating source"),
            ({"resourceType": "INSERT_SOURCE", "displayName": "n" * 121}, "displayName", "120"),
            ({"settings": [KEY, KEY]}, "settings.1.name", "earlier"),
            ({"settings": [KEY | {"type": "NUMBER"}]}, "settings.0.type", "ARRAY"),
            ({"displayName": ""}, "displayName", "at least 1"),
        ],
    )
    async def test_what_cannot_stand_is_refused_by_name_and_nobody_is_asked(self, control, change, field, message):
        control.roles.asked.clear()
        status, named, told = await refusal(control, "POST", "/functions", ASKED | change)
        assert (status, named) == (422, field)
        assert message in told
        assert control.roles.asked == []

    async def test_an_error_in_the_code_tells_its_place(self, control):
        control.roles.replies["ParseFunction"] = ParseReport("Unexpected token ';'", 2, 13)
        answer = await control.ask("POST", "/functions", ASKED)
        (problem,) = answer.json()["errors"]
        assert (answer.status_code, problem["field"]) == (400, "code")
        assert problem["message"].endswith("line 2, column 13: Unexpected token ';'")
        assert problem["data"] == {"line": 2, "column": 13}
        assert (await refusal(control, "POST", "/functions", ASKED))[0] == 422

    async def test_where_nobody_can_parse_nothing_is_stored_and_the_role_is_named(self, control):
        del control.roles.replies["ParseFunction"]
        answer = await control.ask("POST", "/functions", ASKED, accept=V1)
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["data"] == {"role": "engine"}
        assert (await control.data("GET", "/functions"))["functions"] == []

    async def test_a_workspace_has_at_most_25(self, control):
        for number in range(25):
            await make(control, displayName=f"{number}")
        status, _, message = await refusal(control, "POST", "/functions", ASKED)
        assert status == 400
        assert "25" in message


class TestList:
    async def test_one_kind_is_listed_page_by_page_without_code(self, control):
        made = [await make(control, displayName=f"{number}") for number in range(3)]
        await make(control, resourceType="SOURCE")
        path = "/functions?resourceType=DESTINATION&pagination[count]=2"
        first = await control.data("GET", path, accept=V1)
        rest = await control.data("GET", f"{path}&pagination[cursor]={first['pagination']['next']}", accept=V1)
        listed = first["functions"] + rest["functions"]
        assert [each["id"] for each in listed] == [each["id"] for each in made]
        assert not {"code", "settings", "deployedAt"} & set(listed[0])
        assert first["pagination"]["totalEntries"] == 3

    async def test_the_official_list_needs_a_kind_and_the_seed_lists_all_that_it_knows(self, control):
        assert await refusal(control, "GET", "/functions", None) == (
            422,
            "resourceType",
            '"resourceType" is required',
        )
        await make(control)
        await make(control, resourceType="SOURCE")
        await make(control, resourceType="INSERT_TRANSFORMATION")
        listed = (await control.data("GET", "/functions"))["functions"]
        assert [each["resourceType"] for each in listed] == ["DESTINATION", "SOURCE"]
        assert listed[0]["code"] == CODE


class TestChange:
    async def test_what_is_sent_is_changed_and_the_rest_stays(self, control):
        made = await make(control, settings=[KEY], description="d")
        path = f"/functions/{made['id']}"
        changed = (await control.data("PATCH", path, {"displayName": "m", "settings": []}, accept=V1))["function"]
        assert changed == made | {"displayName": "m (Test workspace)", "settings": []}
        assert (await control.data("PATCH", path, {}, accept=V1))["function"] == changed

    async def test_a_name_that_is_sent_back_as_it_was_read_does_not_grow(self, control):
        made = await make(control)
        path = f"/functions/{made['id']}"
        assert (await control.data("PATCH", path, {"displayName": made["displayName"]}, accept=V1))["function"] == made

    async def test_the_code_alone_is_parsed_again(self, control):
        made = await make(control)
        control.roles.asked.clear()
        await control.data("PATCH", f"/functions/{made['id']}", {"description": "d"})
        assert control.roles.asked == []
        await control.data("PATCH", f"/functions/{made['id']}", {"code": "// new"})
        assert [call.code for call in control.roles.asked] == ["// new"]

    async def test_the_kind_cannot_be_changed(self, control):
        made = await make(control)
        body = {"resourceType": "SOURCE"}
        assert (await refusal(control, "PATCH", f"/functions/{made['id']}", body))[:2] == (422, "resourceType")

    async def test_a_deleted_one_is_gone_with_its_versions(self, control):
        made = await make(control)
        await control.data("DELETE", f"/functions/{made['id']}")
        assert (await control.ask("GET", f"/functions/{made['id']}")).status_code == 404
        async with control.database.reading() as connection:
            assert (await connection.exec_driver_sql("select count(*) from function_versions")).scalar_one() == 0

    async def test_changes_are_in_the_audit_trail_by_kind(self, control):
        for kind in ("SOURCE", "DESTINATION", "INSERT_SOURCE"):
            path = f"/functions/{(await make(control, resourceType=kind))['id']}"
            await control.data("PATCH", path, {"description": "d"})
            await control.data("POST", f"{path}/deploy")
            await control.data("DELETE", path)
        verbs = ("Created", "Modified", "Modified", "Deleted")
        titles = ("Source Function", "Destination Function", "Insert Function")
        assert (await audited(control))[-12:] == [f"{title} {verb}" for title in titles for verb in verbs]


class TestVersions:
    async def versions(self, control, made):
        return (await control.data("GET", f"/functions/{made['id']}/versions", accept=ALPHA))["versions"]

    async def test_code_or_settings_make_a_version_and_a_deployment_marks_it(self, control):
        made = await make(control)
        path = f"/functions/{made['id']}"
        (first,) = await self.versions(control, made)
        assert (first["code"], first["isDeployed"], "deployedAt" in first) == (CODE, False, False)
        assert await control.data("POST", f"{path}/deploy", accept=V1) == {"functionDeployment": {"status": "SUCCESS"}}
        deployed = (await control.data("GET", path, accept=V1))["function"]
        assert deployed["isLatestVersion"]
        assert deployed["deployedAt"] is not None
        await control.data("PATCH", path, {"code": "// 2"})
        await control.data("PATCH", path, {"settings": [KEY]})
        assert not (await control.data("GET", path, accept=V1))["function"]["isLatestVersion"]
        versions = await self.versions(control, made)
        assert [each["code"] for each in versions] == ["// 2", "// 2", CODE]
        assert [each["isDeployed"] for each in versions] == [False, False, True]
        one = await control.data("GET", f"{path}/versions/{first['id']}", accept=ALPHA)
        assert one["version"] == versions[-1]

    async def test_a_restored_version_is_a_new_one_and_is_not_deployed(self, control):
        made = await make(control, settings=[KEY])
        path = f"/functions/{made['id']}"
        (first,) = await self.versions(control, made)
        await control.data("PATCH", path, {"code": "// 2", "settings": []})
        asked = {"versionId": first["id"]}
        restored = (await control.data("POST", f"{path}/versions", asked, accept=ALPHA))["version"]
        assert restored["id"] != first["id"]
        assert (restored["code"], restored["isDeployed"]) == (CODE, False)
        assert (await control.data("GET", path, accept=V1))["function"] == made
        other = await make(control)
        assert (await refusal(control, "POST", f"/functions/{other['id']}/versions", asked))[:2] == (422, "versionId")


class TestDeploy:
    async def deploy(self, control, kind, found):
        made = await make(control, resourceType=kind)
        if found is not None:
            control.roles.replies["FindHandlers"] = found
        answer = await control.ask("POST", f"/functions/{made['id']}/deploy")
        assert answer.status_code == 200, answer.text
        known = (await control.data("GET", f"/functions/{made['id']}", accept=V1))["function"]
        assert known["isLatestVersion"]
        return answer

    @pytest.mark.parametrize("kind", ["INSERT_DESTINATION", "INSERT_SOURCE"])
    async def test_fc77_who_deploys_an_insert_function_is_told_of_events_that_will_be_dropped(self, control, kind):
        answer = await self.deploy(control, kind, FoundHandlers(["onBatch", "onTrack"]))
        assert answer.json()["data"] == {"functionDeployment": {"status": "SUCCESS"}}
        missing = "onIdentify, onPage, onScreen, onGroup, onAlias"
        warning = f"events of 5 types will be dropped: the function has no {missing}"
        assert answer.headers["Warning"] == f'299 - "{warning}"'
        assert control.roles.asked[-1] == FindHandlers(kind, CODE)

    async def test_code_that_cannot_be_loaded_is_told_of(self, control):
        answer = await self.deploy(control, "INSERT_SOURCE", FoundHandlers(problem='Error: "n\u00f6"\n \\'))
        assert answer.headers["Warning"].endswith("Error: 'n?' /\"")

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            ("INSERT_SOURCE", FoundHandlers([f"on{kind.capitalize()}" for kind in EventType])),
            ("INSERT_SOURCE", None),
            ("DESTINATION", FoundHandlers(["onTrack"])),
            ("SOURCE", FoundHandlers(["onRequest"])),
        ],
    )
    async def test_else_nobody_is_warned(self, control, kind, found):
        """Nor where no engine is up that knows: that keeps nobody from deploying."""
        assert "Warning" not in (await self.deploy(control, kind, found)).headers


@pytest.fixture
async def attached(control):
    """A function to insert, and a destination to insert it before."""
    (source,) = (await control.data("GET", "/sources"))["sources"]
    asked = {"sourceId": source["id"], "metadataId": WEBHOOK}
    destination = (await control.data("POST", "/destinations", asked))["destination"]
    function = await make(control, resourceType="INSERT_DESTINATION", settings=[KEY, FLAG, NAMES, HEADERS])
    return {
        "functionId": function["id"],
        "integrationId": destination["id"],
        "name": "i",
        "settings": {"apiKey": "s3cret", "on": True, "names": ["a"], "headers": {"x": "y"}, "unknown": 1},
        "source": source["id"],
    }


async def insert(control, attached, **changes):
    asked = {name: value for name, value in (attached | changes).items() if name != "source"}
    return (await control.data("POST", "/insert-function-instances", asked, accept=ALPHA))["insertFunctionInstance"]


class TestInstances:
    @pytest.mark.parametrize("is_prefixed", [True, False])
    async def test_a_function_is_named_with_or_without_its_prefix(self, control, attached, is_prefixed):
        identifier = attached["functionId"] if is_prefixed else attached["functionId"].removeprefix("ifnd_")
        made = await insert(control, attached, functionId=identifier)
        assert made["classId"] == attached["functionId"].removeprefix("ifnd_")
        assert made["enabled"] is False
        listed = await control.data("GET", f"/insert-function-instances?functionId={identifier}", accept=ALPHA)
        assert listed["instances"] == [made]
        one = await control.data("GET", f"/insert-function-instances/{made['id']}", accept=ALPHA)
        assert one["insertFunctionInstance"] == made

    async def test_sensitive_settings_of_every_type_are_sealed_and_masked(self, control, attached):
        made = await insert(control, attached)
        mask = "••••••••"
        assert made["settings"] == {"apiKey": mask, "on": True, "names": ["a"], "headers": mask}
        assert made["encryptedSettings"] == {"apiKey": mask, "headers": mask}
        path = f"/insert-function-instances/{made['id']}"
        changes = {"settings": made["settings"] | {"on": False, "names": None}}
        changed = (await control.data("PATCH", path, changes, accept=ALPHA))["insertFunctionInstance"]
        assert changed["settings"] == {"apiKey": mask, "on": False, "headers": mask}
        async with control.database.reading() as connection:
            row = (await connection.exec_driver_sql("select * from insert_function_instances")).one()
        assert "s3cret" not in row.settings
        assert control.sealer.open(row.sealed_secrets) == b'{"apiKey":"s3cret","headers":{"x":"y"}}'

    @pytest.mark.parametrize(
        ("settings", "field"),
        [
            ({"apiKey": ["k"]}, "settings.apiKey"),
            ({"on": "yes"}, "settings.on"),
            ({"names": "a"}, "settings.names"),
            ({"names": [1]}, "settings.names"),
            ({"headers": {"a": 1}}, "settings.headers"),
        ],
    )
    async def test_a_setting_of_another_type_is_refused(self, control, attached, settings, field):
        asked = {name: value for name, value in attached.items() if name != "source"} | {"settings": settings}
        status, named, _ = await refusal(control, "POST", "/insert-function-instances", asked, ALPHA)
        assert (status, named) == (400, field)

    async def test_one_that_is_enabled_has_all_that_is_required(self, control, attached):
        made = await insert(control, attached, settings={})
        path = f"/insert-function-instances/{made['id']}"
        body = {"settings": {}, "enabled": True}
        assert (await refusal(control, "PATCH", path, body, ALPHA))[:2] == (400, "settings.apiKey")
        body["settings"] = {"apiKey": "k"}
        assert (await control.data("PATCH", path, body, accept=ALPHA))["insertFunctionInstance"]["enabled"]

    async def test_settings_are_those_of_the_version_that_was_deployed_until_another_is(self, control, attached):
        """functions.md §4: changing the settings schema does not touch deployed instances until deploy."""
        function = f"/functions/{attached['functionId']}"
        await control.data("POST", f"{function}/deploy")
        made = await insert(control, attached, enabled=True)
        path = f"/insert-function-instances/{made['id']}"
        region = KEY | {"name": "region", "sensitive": False}
        await control.data("PATCH", function, {"settings": [region, NAMES | {"type": "STRING"}]})
        asked = {"settings": {"names": ["b"], "region": "eu"}, "enabled": True}
        changed = (await control.data("PATCH", path, asked, accept=ALPHA))["insertFunctionInstance"]
        assert changed["settings"]["names"] == ["b"]
        assert "region" not in changed["settings"], "no version that runs knows it"
        await control.data("DELETE", path, accept=ALPHA)
        made = await insert(control, attached, enabled=True)
        path = f"/insert-function-instances/{made['id']}"
        await control.data("POST", f"{function}/deploy")
        one = {"settings": {}, "enabled": True}
        assert (await refusal(control, "PATCH", path, one, ALPHA))[:2] == (400, "settings.region")
        one = {"settings": {"region": "eu", "names": "b"}, "enabled": True}
        changed = (await control.data("PATCH", path, one, accept=ALPHA))["insertFunctionInstance"]
        assert (changed["settings"]["region"], changed["enabled"]) == ("eu", True)

    async def test_a_source_of_a_function_is_asked_for_what_the_deployed_version_requires(self, control):
        function = await make(control, resourceType="SOURCE", settings=[NAMES])
        await control.data("POST", f"/functions/{function['id']}/deploy")
        await control.data("PATCH", f"/functions/{function['id']}", {"settings": [KEY, NAMES]})
        listing = f"/insert-function-instances?functionId={function['id']}"
        for number, is_enabled in enumerate((True, False)):
            asked = {"slug": f"made-{number}", "metadataId": function["catalogId"], "enabled": True}
            await control.data("POST", "/sources", asked)
            instances = (await control.data("GET", listing, accept=ALPHA))["instances"]
            assert instances[-1]["enabled"] is is_enabled
            await control.data("POST", f"/functions/{function['id']}/deploy")

    async def test_a_source_is_made_by_the_functions_own_id_too(self, control):
        function = await make(control, resourceType="SOURCE")
        made = (await control.data("POST", "/sources", {"slug": "own", "metadataId": function["id"]}))["source"]
        assert made["metadata"]["id"] == function["catalogId"]
        listing = f"/insert-function-instances?functionId={function['id']}"
        assert [each["integrationId"] for each in (await control.data("GET", listing, accept=ALPHA))["instances"]] == [
            made["id"]
        ]

    async def test_a_destination_has_at_most_one_and_a_source_another(self, control, attached):
        made = await insert(control, attached)
        asked = {name: value for name, value in attached.items() if name != "source"}
        status, field, message = await refusal(control, "POST", "/insert-function-instances", asked, ALPHA)
        assert (status, field) == (400, "integrationId")
        assert made["id"] in message
        function = await make(control, resourceType="INSERT_SOURCE")
        asked |= {"functionId": function["id"], "settings": {}}
        assert (await refusal(control, "POST", "/insert-function-instances", asked, ALPHA))[1] == "integrationId"
        await insert(control, asked, integrationId=attached["source"])

    @pytest.mark.parametrize("kind", ["SOURCE", "DESTINATION", "INSERT_TRANSFORMATION"])
    async def test_other_kinds_cannot_be_inserted(self, control, attached, kind):
        function = await make(control, resourceType=kind)
        asked = {name: value for name, value in attached.items() if name != "source"} | {"functionId": function["id"]}
        assert (await refusal(control, "POST", "/insert-function-instances", asked, ALPHA))[:2] == (422, "functionId")

    async def test_a_function_with_instances_is_kept_until_they_are_gone(self, control, attached):
        made = await insert(control, attached)
        path = f"/functions/{attached['functionId']}"
        assert (await refusal(control, "DELETE", path, None))[0] == 422
        await control.data("DELETE", f"/insert-function-instances/{made['id']}", accept=ALPHA)
        await control.data("DELETE", path)

    @pytest.mark.parametrize("what", ["destination", "source"])
    async def test_an_instance_goes_with_what_it_is_attached_to(self, control, attached, what):
        made = await insert(control, attached)
        gone = attached["integrationId"] if what == "destination" else attached["source"]
        await control.data("DELETE", f"/{what}s/{gone}")
        assert (await control.ask("GET", f"/insert-function-instances/{made['id']}")).status_code == 404

    async def test_changes_are_in_the_audit_trail(self, control, attached):
        path = f"/insert-function-instances/{(await insert(control, attached))['id']}"
        await control.data("PATCH", path, {"settings": {}, "name": "m"}, accept=ALPHA)
        await control.data("DELETE", path, accept=ALPHA)
        verbs = ("Created", "Modified", "Deleted")
        assert (await audited(control))[-3:] == [f"Insert Function Instance {verb}" for verb in verbs]
