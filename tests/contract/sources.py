"""The rest of the tag Sources: destinations of a source, its schema settings and its write keys."""

from tests.contract.case import Case

HTTP_API = "iUM16Md8P2"
SETTINGS = {
    "track": {"allowUnplannedEvents": False, "commonEventOnViolations": "OMIT_PROPERTIES"},
    "identify": {"allowUnplannedTraits": False, "commonEventOnViolations": "OMIT_TRAITS"},
    "group": {"allowTraitsOnViolations": False},
}


async def prepare(control):
    """Ids of a source with a tracking plan, and the second of its write keys."""
    source = (await control.data("POST", "/sources", {"slug": "planned", "metadataId": HTTP_API}))["source"]
    plan = (await control.data("POST", "/tracking-plans", {"name": "For one", "type": "LIVE"}))["trackingPlan"]
    await control.data("POST", f"/tracking-plans/{plan['id']}/sources", {"sourceId": source["id"]})
    source = (await control.data("POST", f"/sources/{source['id']}/writekey"))["source"]
    return {"planned": source["id"], "key": source["writeKeys"][1]}


def cases(ids):
    one, none = f"/sources/{ids['planned']}", "/sources/nothing"
    connected = "connected-destinations"
    forwarded = SETTINGS | {"forwardingViolationsTo": ids["source"], "forwardingBlockedEventsTo": ids["source"]}
    wrong, field = {"track": {"commonEventOnViolations": "OMIT_TRAITS"}}, "track.commonEventOnViolations"
    return [
        Case(
            "listConnectedDestinationsFromSource",
            "GET",
            f"/sources/{ids['source']}/{connected}",
            f"{none}/{connected}",
        ),
        Case("updateSchemaSettingsInSource", "PATCH", f"{one}/settings", f"{none}/settings", forwarded, wrong, field),
        Case("listSchemaSettingsInSource", "GET", f"{one}/settings", f"{none}/settings"),
        Case("createWriteKeyForSource", "POST", f"{one}/writekey", f"{none}/writekey"),
        Case("removeWriteKeyFromSource", "DELETE", f"{one}/writekey/{ids['key']}", f"{one}/writekey/nothing"),
    ]
