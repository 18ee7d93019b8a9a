"""Warehouses, what is loaded into them, and when."""

from typing import Any

from tests.contract.scenario import POSTGRES, SCHEDULE
from tests.official.asking import Asking
from tests.official.flows.connections import PAGE, new_source

NOWHERE = {"hostname": "127.0.0.1", "port": "1", "database": "events", "username": "penstock", "password": "s3cret"}


def warehouses(ask: Asking) -> None:
    source = new_source(ask, "loaded")
    body = {"metadataId": POSTGRES, "settings": NOWHERE, "enabled": False, "name": "Lake"}
    made = ask("createWarehouse", body)["warehouse"]
    one = {"warehouseId": made["id"]}
    assert ask("getWarehouse", **one)["warehouse"] == made
    changed = ask("updateWarehouse", {"name": "Sea", "settings": {"database": "facts"}}, **one)["warehouse"]
    assert (changed["settings"]["name"], changed["settings"]["database"]) == ("Sea", "facts")
    assert made["id"] in [each["id"] for page in ask.pages("listWarehouses", "warehouses", 2) for each in page]
    ask("createValidationInWarehouse", {"metadataId": POSTGRES, "settings": NOWHERE})
    ask("getConnectionStateFromWarehouse", **one)
    pair = {"sourceId": source, **one}
    for _ in range(2):
        ask("addConnectionFromSourceToWarehouse", **pair)
    connected = ask.pages("listConnectedSourcesFromWarehouse", "sources", 2, **one)
    assert [each["id"] for page in connected for each in page].count(source) == 1
    _syncs(ask, pair)
    ask("removeSourceConnectionFromWarehouse", **pair)
    ask("deleteWarehouse", **one)
    ask.refused("getWarehouse", 404, **one)


def _syncs(ask: Asking, pair: dict[str, Any]) -> None:
    one = {"warehouseId": pair["warehouseId"]}
    overrides = [{"sourceId": pair["sourceId"], "collection": "tracks", "enabled": False}]
    ask("updateSelectiveSyncForWarehouse", {"syncOverrides": overrides}, **one)
    chosen = ask("listSelectiveSyncsFromWarehouseAndSource", pagination=PAGE, **pair)["items"]
    assert ["tracks", False] in [[each["collection"], each["enabled"]] for each in chosen]
    assert ask("listSyncsFromWarehouse", pagination=PAGE, **one)["reports"] == []
    assert ask("listSyncsFromWarehouseAndSource", pagination=PAGE, **pair)["reports"] == []
    chosen = ask("replaceAdvancedSyncScheduleForWarehouse", SCHEDULE, **one)
    assert ask("getAdvancedSyncScheduleFromWarehouse", **one) == chosen
