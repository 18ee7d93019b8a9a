"""One good request per operation, made against a control plane that has one of everything."""

from typing import Any

import msgspec

from penstock.catalog.destinations import load_destination_catalog
from penstock.testing.control_plane import ControlPlaneForTests

HTTP_API = "iUM16Md8P2"
WEBHOOK = "614a3c7d791c91c41bae7599"
MAPPING = {"url": "http://127.0.0.1:1/", "method": "POST", "data": {"@path": "$."}}
SUBSCRIPTION = {"name": "All", "actionId": "send", "trigger": 'type = "track"', "enabled": True, "settings": MAPPING}


class Case(msgspec.Struct):
    """`path` has its parameters filled in; `unknown` is the same path with an identifier that nothing has."""

    operation: str
    method: str
    path: str
    unknown: str = ""
    body: Any = None
    wrong: Any = None
    """A body that no contract takes, and the field that must be named."""
    field: str = ""


async def prepare(control: ControlPlaneForTests) -> dict[str, str]:
    """Ids of one of everything."""
    source = await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API, "settings": {"a": [1]}})
    source_id = source["source"]["id"]
    preset = next(entry.id for entry in load_destination_catalog().values() if entry.presets)
    await control.data("POST", "/destinations", {"sourceId": source_id, "metadataId": preset})
    asked = {"sourceId": source_id, "metadataId": WEBHOOK, "name": "A", "settings": {"sharedSecret": "s3cret"}}
    destination = (await control.data("POST", "/destinations", asked))["destination"]
    path = f"/destinations/{destination['id']}/subscriptions"
    subscription = (await control.data("POST", path, SUBSCRIPTION))["destinationSubscription"]
    warehouse = (await control.data("GET", "/warehouses"))["warehouses"][0]
    return {
        "source": source_id,
        "destination": destination["id"],
        "subscription": subscription["id"],
        "warehouse": warehouse["id"],
        "warehouse_metadata": warehouse["metadata"]["id"],
    }


def cases(ids: dict[str, str], *, is_official: bool) -> list[Case]:
    """Every operation once; what deletes comes last."""
    source, destination = f"/sources/{ids['source']}", f"/destinations/{ids['destination']}"
    subscription = f"{destination}/subscriptions/{ids['subscription']}"
    no_source, no_destination = "/sources/nothing", "/destinations/nothing"
    no_subscription = f"{destination}/subscriptions/nothing"
    new_source = {"slug": "another", "metadataId": HTTP_API, "settings": {"x": None}}
    if is_official:
        new_source["enabled"] = True
    new_destination = {"sourceId": ids["source"], "metadataId": WEBHOOK, "settings": {}, "name": "B", "enabled": True}
    changes = {"input": {"name": "x", "trigger": 'event = "x"', "enabled": False, "settings": {}}}
    wrong = {"enabled": "yes"}
    return [
        Case("getWorkspace", "GET", "/" if is_official else "/workspace"),
        Case("listSources", "GET", "/sources"),
        Case("createSource", "POST", "/sources", body=new_source, wrong=new_source | {"slug": 1}, field="slug"),
        Case("getSource", "GET", source, no_source),
        Case("updateSource", "PATCH", source, no_source, {"name": "n", "settings": {"b": 1}}, wrong, "enabled"),
        Case("listDestinations", "GET", "/destinations"),
        Case("createDestination", "POST", "/destinations", "", new_destination, wrong, "sourceId"),
        Case("getDestination", "GET", destination, no_destination),
        Case("updateDestination", "PATCH", destination, no_destination, {"name": "n"}, wrong, "enabled"),
        Case(
            "createDestinationSubscription",
            "POST",
            f"{destination}/subscriptions",
            f"{no_destination}/subscriptions",
            SUBSCRIPTION,
            SUBSCRIPTION | {"trigger": ""},
            "trigger",
        ),
        Case(
            "listSubscriptionsFromDestination", "GET", f"{destination}/subscriptions", f"{no_destination}/subscriptions"
        ),
        Case("getSubscriptionFromDestination", "GET", subscription, no_subscription),
        Case(
            "updateSubscriptionForDestination",
            "PATCH",
            subscription,
            no_subscription,
            changes,
            {"input": {"name": 1}},
            "input.name",
        ),
        Case("listWarehouses", "GET", "/warehouses"),
        Case("getWarehouse", "GET", f"/warehouses/{ids['warehouse']}", "/warehouses/nothing"),
        Case("getSourcesCatalog", "GET", "/catalog/sources"),
        Case("getSourceMetadata", "GET", f"/catalog/sources/{HTTP_API}", "/catalog/sources/nothing"),
        Case("getDestinationsCatalog", "GET", "/catalog/destinations"),
        Case("getDestinationMetadata", "GET", f"/catalog/destinations/{WEBHOOK}", "/catalog/destinations/nothing"),
        Case("getWarehousesCatalog", "GET", "/catalog/warehouses"),
        Case(
            "getWarehouseMetadata",
            "GET",
            f"/catalog/warehouses/{ids['warehouse_metadata']}",
            "/catalog/warehouses/nothing",
        ),
        Case("removeSubscriptionFromDestination", "DELETE", subscription, no_subscription),
        Case("deleteDestination", "DELETE", destination, no_destination),
        Case("deleteSource", "DELETE", source, no_source),
    ]
