"""Tracking plans, transformations and functions."""

from typing import Any

from tests.contract.functions import CODE, LIST, SETTING
from tests.contract.governance import RULE
from tests.contract.scenario import WEBHOOK
from tests.official.asking import Asking
from tests.official.flows.connections import PAGE, new_destination, new_source


def tracking_plans(ask: Asking) -> None:
    made = ask("createTrackingPlan", {"name": "Web", "type": "LIVE", "description": "d"})["trackingPlan"]
    one = {"trackingPlanId": made["id"]}
    assert ask("getTrackingPlan", **one)["trackingPlan"] == made
    assert ask("updateTrackingPlan", {"name": "Site"}, **one)["status"] == "SUCCESS"
    listed = ask.pages("listTrackingPlans", "trackingPlans", 2, type="LIVE")
    assert made["id"] in [each["id"] for page in listed for each in page]
    _rules(ask, one)
    source = new_source(ask, "planned")
    ask("addSourceToTrackingPlan", {"sourceId": source}, **one)
    assert [each["id"] for each in ask("listSourcesFromTrackingPlan", pagination=PAGE, **one)["sources"]] == [source]
    assert ask("getSource", sourceId=source)["trackingPlanId"] == made["id"]
    ask("removeSourceFromTrackingPlan", sourceId=source, **one)
    ask("deleteTrackingPlan", **one)
    ask.refused("getTrackingPlan", 404, **one)


def _rules(ask: Asking, one: dict[str, Any]) -> None:
    apostrophe = RULE | {"key": 'Buyer\'s "Remorse"'}
    ask("replaceRulesInTrackingPlan", {"rules": [RULE, apostrophe]}, **one)
    ask("updateRulesInTrackingPlan", {"rules": [RULE | {"newKey": "Order Paid"}]}, **one)
    assert _keys(ask, one) == {"Order Paid", apostrophe["key"]}
    named = [{"type": "TRACK", "key": apostrophe["key"], "version": 1}]
    if not ask.client.writes_objects:
        ask.refused("removeRulesFromTrackingPlan", 422, rules=named, **one)
        return
    ask("removeRulesFromTrackingPlan", rules=named, **one)
    assert _keys(ask, one) == {"Order Paid"}


def _keys(ask: Asking, one: dict[str, Any]) -> set[str]:
    pages = ask.pages("listRulesFromTrackingPlan", "rules", 1, **one)
    return {rule["key"] for page in pages for rule in page}


def transformations(ask: Asking) -> None:
    body = {
        "name": "Rename",
        "sourceId": new_source(ask, "renamed"),
        "destinationMetadataId": WEBHOOK,
        "enabled": True,
        "if": "event = 'a'",
        "newEventName": "b",
        "propertyRenames": [],
        "propertyValueTransformations": [{"propertyPaths": ["properties.c"], "propertyValue": "d"}],
        "fqlDefinedProperties": [],
    }
    made = ask("createTransformation", body)["transformation"]
    one = {"transformationId": made["id"]}
    assert {name: made[name] for name in body} == body
    assert ask("getTransformation", **one)["transformation"] == made
    assert ask("updateTransformation", {"name": "Renamed"}, **one)["transformation"]["name"] == "Renamed"
    listed = ask.pages("listTransformations", "transformations", 2)
    assert made["id"] in [each["id"] for page in listed for each in page]
    ask("deleteTransformation", **one)
    ask.refused("getTransformation", 404, **one)


def functions(ask: Asking) -> None:
    body = {"code": CODE, "displayName": f"Names {ask.client.name}", "resourceType": "SOURCE", "settings": [SETTING]}
    made = ask("createFunction", body)["function"]
    one = {"functionId": made["id"]}
    assert ask("getFunction", **one)["function"] == made
    ask("updateFunction", {"code": "function onRequest() {}", "settings": [LIST]}, **one)
    listed = ask.pages("listFunctions", "functions", 2, resourceType="SOURCE")
    assert made["id"] in [each["id"] for page in listed for each in page]
    ask("createFunctionDeployment", **one)
    version = ask("listFunctionVersions", pagination=PAGE, **one)["versions"][-1]["id"]
    ask("restoreFunctionVersion", {"versionId": version}, **one)
    assert ask("getFunctionVersion", versionId=version, **one)["version"]["id"] == version
    ask("deleteFunction", **one)


def inserted_functions(ask: Asking) -> None:
    body = {"code": CODE, "displayName": f"In {ask.client.name}", "resourceType": "INSERT_DESTINATION", "settings": []}
    function = ask("createFunction", body)["function"]["id"]
    source = new_source(ask, "inserted")
    asked = {
        "functionId": function,
        "integrationId": new_destination(ask, source),
        "name": "i",
        "enabled": True,
        "settings": {},
    }
    made = ask("createInsertFunctionInstance", asked)["insertFunctionInstance"]
    one = {"instanceId": made["id"]}
    assert ask("getInsertFunctionInstance", **one)["insertFunctionInstance"] == made
    ask("updateInsertFunctionInstance", {"name": "j", "settings": {}}, **one)
    listed = ask("listInsertFunctionInstances", pagination=PAGE, functionId=function)["instances"]
    assert [each["name"] for each in listed] == ["j"]
    ask("deleteInsertFunctionInstance", **one)
    ask("deleteFunction", functionId=function)
