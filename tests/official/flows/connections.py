"""Sources, destinations, their mappings and filters: from being made to being gone."""

from typing import Any

from tests.contract.scenario import FILTER, HTTP_API, MAPPING, PREVIEW, SUBSCRIPTION, WEBHOOK
from tests.official.asking import Asking

PAGE = {"count": 2}
BLOCKED = {"commonEventOnViolations": "BLOCK"}


def new_source(ask: Asking, name: str) -> str:
    """The id of a source of the client's own."""
    body = {"slug": f"{name}-{ask.client.name}", "enabled": True, "metadataId": HTTP_API, "settings": {}}
    return str(ask("createSource", body)["source"]["id"])


def new_destination(ask: Asking, source: str, name: str = "hook") -> str:
    body = {"sourceId": source, "metadataId": WEBHOOK, "name": name, "enabled": True, "settings": {}}
    return str(ask("createDestination", body)["destination"]["id"])


def sources(ask: Asking) -> None:
    body = {"slug": f"shop-{ask.client.name}", "enabled": True, "metadataId": HTTP_API, "settings": {"ü": [1, None]}}
    made = ask("createSource", body)["source"]
    one = {"sourceId": made["id"]}
    assert ask("getSource", **one)["source"] == made
    assert ask("getSource", **one)["trackingPlanId"] is None
    assert ask("updateSource", {"name": "Shop", "enabled": False}, **one)["source"]["name"] == "Shop"
    assert made["id"] in [each["id"] for page in ask.pages("listSources", "sources", 2) for each in page]
    _labels_of_a_source(ask, one)
    _keys_of_a_source(ask, one, made["writeKeys"])
    destination = new_destination(ask, made["id"])
    connected = ask("listConnectedDestinationsFromSource", pagination=PAGE, **one)["destinations"]
    assert [each["id"] for each in connected] == [destination]
    warehouses = [page[0]["id"] for page in ask.pages("listWarehouses", "warehouses", 1)]
    assert [
        page[0]["id"] for page in ask.pages("listConnectedWarehousesFromSource", "warehouses", 1, **one)
    ] == warehouses
    _schema_settings(ask, one)
    assert ask("deleteSource", **one)["status"] == "SUCCESS"
    ask.refused("getSource", 404, **one)
    ask.refused("getDestination", 404, destinationId=destination)


def _labels_of_a_source(ask: Asking, one: dict[str, Any]) -> None:
    label = {"key": "team", "value": f"shop-{ask.client.name}"}
    ask("createLabel", {"label": {**label, "description": "d"}})
    assert ask("addLabelsToSource", {"labels": [label]}, **one)["labels"][0]["value"] == label["value"]
    ask.refused("deleteLabel", 400, **label)
    assert ask("replaceLabelsInSource", {"labels": []}, **one)["labels"] == []
    assert label in [{"key": each["key"], "value": each["value"]} for each in ask("listLabels")["labels"]]
    ask("deleteLabel", **label)


def _keys_of_a_source(ask: Asking, one: dict[str, Any], first: list[str]) -> None:
    keys = ask("createWriteKeyForSource", **one)["source"]["writeKeys"]
    assert set(first) < set(keys)
    ask("removeWriteKeyFromSource", writeKey=first[0], **one)
    assert ask("getSource", **one)["source"]["writeKeys"] == [key for key in keys if key != first[0]]


def _schema_settings(ask: Asking, one: dict[str, Any]) -> None:
    """They count once a plan is connected."""
    ask.refused("updateSchemaSettingsInSource", 400, {"track": {"allowUnplannedEvents": False}}, **one)
    plan = ask("createTrackingPlan", {"name": f"Shop {ask.client.name}", "type": "LIVE"})["trackingPlan"]["id"]
    ask("addSourceToTrackingPlan", one, trackingPlanId=plan)
    changes = {"track": {"allowUnplannedEvents": False, **BLOCKED}, "identify": BLOCKED, "group": BLOCKED}
    changed = ask("updateSchemaSettingsInSource", changes, **one)["settings"]
    assert changed["track"]["commonEventOnViolations"] == "BLOCK"
    assert ask("listSchemaSettingsInSource", **one)["settings"] == changed
    ask("deleteTrackingPlan", trackingPlanId=plan)


def destinations(ask: Asking) -> None:
    source = new_source(ask, "receivers")
    body = {"sourceId": source, "metadataId": WEBHOOK, "name": "A", "enabled": True, "settings": {"sharedSecret": "s"}}
    made = ask("createDestination", body)["destination"]
    one = {"destinationId": made["id"]}
    assert ask("getDestination", **one)["destination"] == made
    assert "s" not in made["settings"].values()
    changes = {"name": None, "enabled": False, "settings": {"sharedSecret": made["settings"]["sharedSecret"]}}
    assert ask("updateDestination", changes, **one)["destination"]["enabled"] is False
    assert made["id"] in [each["id"] for page in ask.pages("listDestinations", "destinations", 2) for each in page]
    _mappings(ask, one)
    ask("listDeliveryMetricsSummaryFromDestination", sourceId=source, granularity="MINUTE", **one)
    ask("deleteDestination", **one)
    ask.refused("getDestination", 404, **one)


def _mappings(ask: Asking, one: dict[str, Any]) -> None:
    made = ask("createDestinationSubscription", SUBSCRIPTION, **one)["destinationSubscription"]
    this = {"id": made["id"], **one}
    changes = {"name": "B", "trigger": 'event = "é"', "enabled": False, "settings": MAPPING}
    changed = ask("updateSubscriptionForDestination", {"input": changes}, **this)["subscription"]
    assert {name: changed[name] for name in changes} == changes
    assert ask("getSubscriptionFromDestination", **this)["subscription"] == changed
    assert changed in ask("listSubscriptionsFromDestination", pagination=PAGE, **one)["subscriptions"]
    ask("removeSubscriptionFromDestination", **this)
    ask.refused("getSubscriptionFromDestination", 404, **this)


def filters(ask: Asking) -> None:
    source = new_source(ask, "filtered")
    one = {"destinationId": new_destination(ask, source)}
    made = ask("createFilterForDestination", FILTER | {"sourceId": source, "description": "d"}, **one)["filter"]
    this = {"filterId": made["id"], **one}
    changed = ask("updateFilterForDestination", {"if": "all", "description": None}, **this)["filter"]
    assert changed["if"] == "all"
    assert ask("getFilterInDestination", **this)["filter"] == changed
    assert ask("listFiltersFromDestination", pagination=PAGE, **one)["filters"] == [changed]
    assert ask("previewDestinationFilter", PREVIEW)["result"] is None
    ask("removeFilterFromDestination", **this)
    ask.refused("getFilterInDestination", 404, **this)
