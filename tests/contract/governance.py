"""The scenario's second half: labels, tracking plans, transformations, functions and regulations."""

from tests.contract.case import Case

WEBHOOK = "614a3c7d791c91c41bae7599"
SCHEMA = {"type": "object", "properties": {"properties": {"required": ["total"]}}}
RULE = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": SCHEMA}


async def prepare(control, source_id, destination_id):
    """Ids of one of everything."""
    await control.data("POST", "/labels", {"key": "team", "value": "web"})
    plan = (await control.data("POST", "/tracking-plans", {"name": "Web", "type": "LIVE", "rules": [RULE]}))[
        "trackingPlan"
    ]
    asked = {"name": "t", "sourceId": source_id, "if": "all", "enabled": True}
    transformation = (await control.data("POST", "/transformations", asked))["transformation"]
    return {"plan": plan["id"], "transformation": transformation["id"]}


def cases(ids, *, is_official):
    return [
        *label_cases(ids, is_official),
        *tracking_plan_cases(ids, is_official),
        *transformation_cases(ids, is_official),
    ]


def label_cases(ids, is_official):
    path, nowhere = f"/sources/{ids['source']}/labels", "/sources/nothing/labels"
    label = {"key": "team", "value": "shop", "description": "d"}
    given = {"labels": [{"key": "team", "value": "shop"}]}
    created, wrong = (
        ({"label": label}, {"label": {"key": "team", "value": 1}}) if is_official else (label, label | {"value": 1})
    )
    field = "label.value" if is_official else "value"
    return [
        Case("listLabels", "GET", "/labels"),
        Case("createLabel", "POST", "/labels", "", created, wrong, field),
        Case("addLabelsToSource", "POST", path, nowhere, given, {"labels": [{"key": "x"}]}, "labels.0.value"),
        Case("replaceLabelsInSource", "PUT", path, nowhere, {"labels": []}, {}, "labels"),
        Case("deleteLabel", "DELETE", "/labels/team/web", "/labels/team/none"),
    ]


def tracking_plan_cases(ids, is_official):
    one, none = f"/tracking-plans/{ids['plan']}", "/tracking-plans/nothing"
    rules, sources = f"{one}/rules", f"{one}/sources"
    named = "rules.0.type=TRACK&rules.0.key=Order%20Completed&rules.0.version=1"
    plan = {"name": "n", "description": "d", "type": "TEMPLATE"}
    changed = {"rules": [RULE | {"newKey": "Order Done"}, {"type": "COMMON", "version": 1.5, "jsonSchema": {}}]}
    connected = {"sourceId": ids["source"]}
    return [
        Case("listTrackingPlans", "GET", "/tracking-plans"),
        Case("createTrackingPlan", "POST", "/tracking-plans", "", plan, plan | {"type": "DEAD"}, "type"),
        Case("getTrackingPlan", "GET", one, none),
        Case("updateTrackingPlan", "PATCH", one, none, {"name": "m"}, {"name": ""}, "name"),
        Case("listRulesFromTrackingPlan", "GET", rules, f"{none}/rules"),
        Case("updateRulesInTrackingPlan", "PATCH", rules, f"{none}/rules", changed, {"rules": [{}]}, "rules.0.type"),
        Case(
            "replaceRulesInTrackingPlan",
            "PUT",
            rules,
            f"{none}/rules",
            {"rules": [RULE]},
            {"rules": [RULE | {"jsonSchema": {"type": 1}}]},
            "rules.0.jsonSchema",
        ),
        Case("removeRulesFromTrackingPlan", "DELETE", f"{rules}?{named}", f"{none}/rules?{named}"),
        Case("addSourceToTrackingPlan", "POST", sources, f"{none}/sources", connected, {"sourceId": 1}, "sourceId"),
        Case("listSourcesFromTrackingPlan", "GET", sources, f"{none}/sources"),
        Case(
            "removeSourceFromTrackingPlan",
            "DELETE",
            f"{sources}?sourceId={ids['source']}",
            f"{none}/sources?sourceId={ids['source']}",
        ),
        Case("deleteTrackingPlan", "DELETE", one, none),
    ]


def transformation_cases(ids, is_official):
    one, none = f"/transformations/{ids['transformation']}", "/transformations/nothing"
    new = {
        "name": "n",
        "sourceId": ids["source"],
        "destinationMetadataId": WEBHOOK,
        "enabled": True,
        "if": "event = 'a'",
        "newEventName": "b",
        "propertyRenames": [{"oldName": "a", "newName": "b"}],
        "propertyValueTransformations": [{"propertyPaths": ["properties.c"], "propertyValue": "d"}],
    }
    if is_official:
        hashed = {"algorithm": "SHA256", "key": "k", "encoding": "HEX", "paths": ["properties.e"]}
        new |= {"allowProperties": ["a"], "drop": False, "hashPropertiesConfiguration": hashed}
    wrong = new | {"if": "event ="}
    return [
        Case("listTransformations", "GET", "/transformations"),
        Case("createTransformation", "POST", "/transformations", "", new, wrong, "if"),
        Case("getTransformation", "GET", one, none),
        Case("updateTransformation", "PATCH", one, none, {"name": "m", "if": "all"}, {"enabled": 1}, "enabled"),
        Case("deleteTransformation", "DELETE", one, none),
    ]
