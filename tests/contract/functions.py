"""The scenario of the tag Functions."""

from tests.contract.case import Case

WEBHOOK = "614a3c7d791c91c41bae7599"
SETTING = {
    "name": "apiKey",
    "label": "API key",
    "description": "d",
    "type": "STRING",
    "required": True,
    "sensitive": True,
}
CODE = "async function onTrack(event, settings) {\n  return event\n}\n"
LIST = {"name": "names", "label": "l", "description": "", "type": "ARRAY", "required": False, "sensitive": False}


async def prepare(control, source_id, destination_id):
    """Ids of a function with two versions, and of one that is inserted."""
    asked = {"code": CODE, "displayName": "Names", "resourceType": "DESTINATION", "settings": [SETTING]}
    function = (await control.data("POST", "/functions", asked))["function"]
    await control.data("PATCH", f"/functions/{function['id']}", {"code": "// nothing yet"})
    versions = (await control.data("GET", f"/functions/{function['id']}/versions"))["versions"]
    asked |= {"resourceType": "INSERT_DESTINATION"}
    inserted = (await control.data("POST", "/functions", asked))["function"]
    free = (await control.data("POST", "/functions", asked | {"displayName": "free"}))["function"]
    instance = await attach(control, inserted["id"], destination_id)
    asked = {"sourceId": source_id, "metadataId": WEBHOOK, "name": "for a function"}
    other = (await control.data("POST", "/destinations", asked))["destination"]
    return {
        "function": function["id"],
        "version": versions[-1]["id"],
        "insert_function": free["id"],
        "inserted": inserted["id"],
        "instance": instance["id"],
        "other_destination": other["id"],
    }


async def attach(control, function_id, integration_id):
    asked = {"functionId": function_id, "integrationId": integration_id, "name": "i", "settings": {"apiKey": "s3cret"}}
    return (await control.data("POST", "/insert-function-instances", asked))["insertFunctionInstance"]


def cases(ids, *, is_official):
    one, none = f"/functions/{ids['function']}", "/functions/nothing"
    version = {"versionId": ids["version"]}
    new = {
        "code": CODE,
        "displayName": "n",
        "resourceType": "SOURCE",
        "description": "d",
        "logoUrl": "https://logo.example/a.png",
        "settings": [SETTING, LIST] if is_official else [SETTING],
    }
    changes = {"displayName": "m", "settings": [], "code": "function onTrack() {}"}
    kind = "?resourceType=DESTINATION"
    return [
        Case("listFunctions", "GET", f"/functions{kind}"),
        Case("createFunction", "POST", "/functions", "", new, new | {"resourceType": "SERVER"}, "resourceType"),
        Case("getFunction", "GET", one, none),
        Case("updateFunction", "PATCH", one, none, changes, {"settings": [SETTING] * 2}, "settings.1.name"),
        Case("createFunctionDeployment", "POST", f"{one}/deploy", f"{none}/deploy"),
        Case("listFunctionVersions", "GET", f"{one}/versions", f"{none}/versions"),
        Case(
            "restoreFunctionVersion",
            "POST",
            f"{one}/versions",
            f"{none}/versions",
            version,
            {"versionId": "nothing"},
            "versionId",
        ),
        Case("getFunctionVersion", "GET", f"{one}/versions/{ids['version']}", f"{one}/versions/nothing"),
        *instance_cases(ids),
        Case("deleteFunction", "DELETE", one, none),
    ]


def instance_cases(ids):
    path = "/insert-function-instances"
    one, none = f"{path}/{ids['instance']}", f"{path}/nothing"
    new = {
        "functionId": ids["insert_function"].removeprefix("ifnd_"),
        "integrationId": ids["other_destination"],
        "name": "n",
        "settings": {"apiKey": "k"},
        "enabled": True,
    }
    return [
        Case("listInsertFunctionInstances", "GET", f"{path}?functionId={ids['inserted']}"),
        Case(
            "createInsertFunctionInstance", "POST", path, "", new, new | {"integrationId": "nothing"}, "integrationId"
        ),
        Case("getInsertFunctionInstance", "GET", one, none),
        Case("updateInsertFunctionInstance", "PATCH", one, none, {"settings": {}, "name": "m"}, {}, "settings"),
        Case("deleteInsertFunctionInstance", "DELETE", one, none),
    ]
