"""One good request per operation, made against a control plane that has one of everything."""

import msgspec

from penstock.catalog.destinations import load_destination_catalog
from penstock.resources.warehouse_syncs import ReportedSync, add_syncs
from penstock.testing.control_plane import ControlPlaneForTests
from tests.contract import access, functions, governance, regulations, reports, sources
from tests.contract.case import Case

HTTP_API = "iUM16Md8P2"
POSTGRES = "55d3d3aea3c"
WEBHOOK = "614a3c7d791c91c41bae7599"
MAPPING = {"url": "http://127.0.0.1:1/", "method": "POST", "data": {"@path": "$."}}
SUBSCRIPTION = {"name": "All", "actionId": "send", "trigger": 'type = "track"', "enabled": True, "settings": MAPPING}
FILTER = {
    "if": 'event = "Order Completed"',
    "actions": [
        {"type": "SAMPLE", "percent": 0.5, "path": "userId"},
        {"type": "DROP_PROPERTIES", "fields": {"properties": ["email"]}},
    ],
    "title": "No addresses",
    "enabled": True,
}
WAREHOUSE = {
    "hostname": "db.example",
    "port": "5432",
    "database": "events",
    "username": "penstock",
    "password": "s3cret",
}
SCHEDULE = {"enabled": True, "schedule": {"times": [{"hourOfDay": 7, "enabled": True}], "timezone": "Europe/Paris"}}
PREVIEW = {"filter": {"if": "all", "actions": [{"type": "DROP"}]}, "payload": {"type": "track", "event": "x"}}


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
    asked = FILTER | {"sourceId": source_id}
    filter_ = (await control.data("POST", f"/destination/{destination['id']}/filters", asked))["filter"]
    warehouse = (await control.data("GET", "/warehouses"))["warehouses"][0]
    loaded = {
        "id": "sync-1",
        "warehouseId": warehouse["id"],
        "sourceId": source_id,
        "start": "2024-05-01T10:00:00.000Z",
        "end": "2024-05-01T10:00:01.500Z",
        "status": "PARTIAL",
        "duration": 1.5,
        "count": 7,
        "notices": [{"level": "WARNING", "message": "x", "createdAt": "2024-05-01T10:00:01.500Z"}],
        "collections": {"tracks": 7},
    }
    async with control.database.writing() as connection:
        await add_syncs(connection, [msgspec.convert(loaded, ReportedSync)])
    made = await governance.prepare(control, source_id, destination["id"])
    made |= await functions.prepare(control, source_id, destination["id"])
    made |= await regulations.prepare(control, source_id)
    made |= await sources.prepare(control)
    made |= await access.prepare(control, source_id)
    made |= await reports.prepare(control, source_id, destination["id"])
    return made | {
        "source": source_id,
        "destination": destination["id"],
        "subscription": subscription["id"],
        "filter": filter_["id"],
        "warehouse": warehouse["id"],
        "warehouse_metadata": warehouse["metadata"]["id"],
    }


def warehouse_cases(ids: dict[str, str], *, is_official: bool) -> list[Case]:
    """The tags Warehouses and Selective Sync."""
    one, none = f"/warehouses/{ids['warehouse']}", "/warehouses/nothing"
    pair, no_pair = (f"{path}/connected-sources/{ids['source']}" for path in (one, none))
    settings = {"metadataId": POSTGRES, "settings": WAREHOUSE}
    new = {"metadataId": POSTGRES, "settings": WAREHOUSE, "enabled": False}
    if is_official:
        new |= {"name": "n", "disconnectAllSources": True}
    changes = {"settings": {"file": None}, "enabled": True}
    overrides = {"syncOverrides": [{"sourceId": ids["source"], "collection": "tracks", "enabled": False}]}
    wrong_hour = {"enabled": True, "schedule": {"times": [{"hourOfDay": 24, "enabled": True}], "timezone": "UTC"}}
    return [
        Case("listWarehouses", "GET", "/warehouses"),
        Case("createWarehouse", "POST", "/warehouses", "", new, new | {"metadataId": "nothing"}, "metadataId"),
        Case("getWarehouse", "GET", one, none),
        Case("updateWarehouse", "PATCH", one, none, changes, changes | {"enabled": "yes"}, "enabled"),
        Case(
            "createValidationInWarehouse",
            "POST",
            "/warehouses/validation",
            "",
            settings,
            settings | {"metadataId": "nothing"},
            "metadataId",
        ),
        Case("getConnectionStateFromWarehouse", "GET", f"{one}/connection-state", f"{none}/connection-state"),
        Case("listConnectedSourcesFromWarehouse", "GET", f"{one}/connected-sources", f"{none}/connected-sources"),
        Case(
            "listConnectedWarehousesFromSource",
            "GET",
            f"/sources/{ids['source']}/connected-warehouses",
            "/sources/nothing/connected-warehouses",
        ),
        Case("listSyncsFromWarehouse", "GET", f"{one}/syncs", f"{none}/syncs"),
        Case("listSyncsFromWarehouseAndSource", "GET", f"{pair}/syncs", f"{no_pair}/syncs"),
        Case(
            "listSelectiveSyncsFromWarehouseAndSource", "GET", f"{pair}/selective-syncs", f"{no_pair}/selective-syncs"
        ),
        Case(
            "updateSelectiveSyncForWarehouse",
            "PATCH",
            f"{one}/selective-sync",
            f"{none}/selective-sync",
            overrides,
            {"syncOverrides": []},
            "syncOverrides",
        ),
        Case(
            "replaceAdvancedSyncScheduleForWarehouse",
            "PUT",
            f"{one}/advanced-sync-schedule",
            f"{none}/advanced-sync-schedule",
            SCHEDULE,
            wrong_hour,
            "schedule.times.0.hourOfDay",
        ),
        Case(
            "getAdvancedSyncScheduleFromWarehouse",
            "GET",
            f"{one}/advanced-sync-schedule",
            f"{none}/advanced-sync-schedule",
        ),
        Case("removeSourceConnectionFromWarehouse", "DELETE", pair, no_pair),
        Case("addConnectionFromSourceToWarehouse", "POST", pair, no_pair),
        Case("deleteWarehouse", "DELETE", one, none),
    ]


def cases(ids: dict[str, str], *, is_official: bool) -> list[Case]:
    """Every operation once; what deletes comes last."""
    source, destination = f"/sources/{ids['source']}", f"/destinations/{ids['destination']}"
    subscription = f"{destination}/subscriptions/{ids['subscription']}"
    no_source, no_destination = "/sources/nothing", "/destinations/nothing"
    no_subscription = f"{destination}/subscriptions/nothing"
    filters, no_filters = f"/destination/{ids['destination']}/filters", "/destination/nothing/filters"
    one_filter, no_filter = f"{filters}/{ids['filter']}", f"{filters}/nothing"
    new_filter = FILTER | {"sourceId": ids["source"], "description": "d"}
    filter_changes = {"if": "all", "actions": [{"type": "DROP"}], "title": "t", "description": None, "enabled": False}
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
        Case(
            "previewDestinationFilter",
            "POST",
            "/destination/filters/preview",
            body=PREVIEW,
            wrong=PREVIEW | {"filter": {"if": "event =", "actions": [{"type": "DROP"}]}},
            field="filter.if",
        ),
        Case(
            "createFilterForDestination",
            "POST",
            filters,
            no_filters,
            new_filter,
            new_filter | {"actions": []},
            "actions",
        ),
        Case("listFiltersFromDestination", "GET", filters, no_filters),
        Case("getFilterInDestination", "GET", one_filter, no_filter),
        Case("updateFilterForDestination", "PATCH", one_filter, no_filter, filter_changes, wrong, "enabled"),
        *warehouse_cases(ids, is_official=is_official),
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
        *governance.cases(ids, is_official=is_official),
        *functions.cases(ids, is_official=is_official),
        *regulations.cases(ids, is_official=is_official),
        *sources.cases(ids),
        *access.cases(ids),
        *reports.cases(ids),
        Case("removeFilterFromDestination", "DELETE", one_filter, no_filter),
        Case("removeSubscriptionFromDestination", "DELETE", subscription, no_subscription),
        Case("deleteDestination", "DELETE", destination, no_destination),
        Case("deleteSource", "DELETE", source, no_source),
    ]
