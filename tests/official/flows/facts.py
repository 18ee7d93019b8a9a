"""What is asked and not made: the workspace, catalogs, metrics, usage; and the echo."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.scenario import HTTP_API, POSTGRES, WEBHOOK
from tests.official.asking import Asking
from tests.official.flows.connections import PAGE, new_destination, new_source


def workspace(ask: Asking) -> None:
    assert ask("getWorkspace")["workspace"]["name"] == "Penstock"


def catalogs(ask: Asking) -> None:
    for operation, items in (
        ("getSourcesCatalog", "sourcesCatalog"),
        ("getDestinationsCatalog", "destinationsCatalog"),
        ("getWarehousesCatalog", "warehousesCatalog"),
    ):
        assert len(ask(operation, pagination={"count": 3, "cursor": "MA=="})[items]) == 3
    assert ask("getSourceMetadata", sourceMetadataId=HTTP_API)["sourceMetadata"]["id"] == HTTP_API
    assert ask("getDestinationMetadata", destinationMetadataId=WEBHOOK)["destinationMetadata"]["id"] == WEBHOOK
    assert ask("getWarehouseMetadata", warehouseMetadataId=POSTGRES)["warehouseMetadata"]["id"] == POSTGRES
    ask.refused("getSourceMetadata", 404, sourceMetadataId="a/b ü+%")


def delivery_overview(ask: Asking) -> None:
    source = new_source(ask, "measured")
    span = _span() | {"sourceId": source, "granularity": "HOUR", "pagination": PAGE, "groupBy": ["eventName"]}
    if ask.client.writes_objects:
        span["filter"] = {"eventType": ["track", "page"]}
    to_destination = span | {"destinationConfigId": new_destination(ask, source)}
    for name in ("IngressFailed", "IngressSuccess", "FilteredAtSource"):
        assert ask(f"get{name}MetricsFromDeliveryOverview", **span)["dataset"] == []
    for name in ("EgressFailed", "EgressSuccess", "FilteredAtDestination"):
        assert ask(f"get{name}MetricsFromDeliveryOverview", **to_destination)["dataset"] == []


def events(ask: Asking) -> None:
    lists = {"groupBy": ["eventName", "source"], "eventType": ["track"], "eventName": ["a", "b"]}
    ask("getEventsVolumeFromWorkspace", granularity="HOUR", pagination=PAGE, **_span(), **lists)


def _span() -> dict[str, Any]:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return {"startTime": (now - timedelta(hours=3)).isoformat(), "endTime": now.isoformat()}


def usage(ask: Asking) -> None:
    month = datetime.now(UTC).strftime("%Y-%m-01")
    for kind in ("APICalls", "MTU"):
        for whose in ("Workspace", "PerSource"):
            ask(f"getDaily{whose}{kind}Usage", period=month, pagination=PAGE)


def echo(ask: Asking) -> None:
    assert ask("echo", message="a & ü")["message"] == "a & ü"
    ask.refused("echo", 400, message="m", triggerError=True)
