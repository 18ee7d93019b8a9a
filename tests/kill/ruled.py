"""The ruled source of the kill matrix: everything that may judge or change an event on its way is switched on for it.

A plan that blocks, a transformation and an insert function of the source; a filter, a transformation and an insert
function of its destination. So what becomes of an event follows from its number.
"""

from collections.abc import Iterable
from typing import Any

import httpx

from penstock.testing.setup import WEBHOOK, connect_webhook, create_source, data_of
from penstock.testing.workload import Sent

EVENT = "Step Done"
_SCHEMA = {"properties": {"properties": {"properties": {"number": {"not": {"multipleOf": 10}}}}}}
_RULE = {"type": "TRACK", "key": EVENT, "version": 1, "jsonSchema": _SCHEMA}
_MARK = "const onTrack = (event) => ({ ...event, properties: { ...event.properties, %s: true } });"


def is_blocked(sent: Sent) -> bool:
    """By the plan."""
    return sent.number % 10 == 0


def is_dropped(sent: Sent) -> bool:
    """By the filter of the destination, which judges what the plan has let through."""
    return sent.number % 10 == 3


def ids(events: Iterable[Sent]) -> set[str]:
    return {sent.message_id for sent in events}


def create(api: httpx.Client, url: str) -> tuple[dict[str, Any], str]:
    """The source and the id of its destination, which posts to `url`."""
    source = create_source(api, "ruled")
    plan = data_of(api.post("/tracking-plans", json={"name": "Steps", "type": "LIVE"}))["trackingPlan"]
    data_of(api.put(f"/tracking-plans/{plan['id']}/rules", json={"rules": [_RULE]}))
    data_of(api.post(f"/tracking-plans/{plan['id']}/sources", json={"sourceId": source["id"]}))
    data_of(api.patch(f"/sources/{source['id']}/settings", json={"track": {"allowEventOnViolations": False}}))
    _rename(api, source["id"], "number", "step")
    destination: str = connect_webhook(api, source["id"], url)["id"]
    _rename(api, source["id"], "step", "stage", destinationMetadataId=WEBHOOK)
    drop = {"if": "match(messageId, '*3')", "actions": [{"type": "DROP"}], "title": "Threes", "enabled": True}
    data_of(api.post(f"/destination/{destination}/filters", json={"sourceId": source["id"], **drop}))
    _insert(api, "INSERT_SOURCE", source["id"], "at_source")
    _insert(api, "INSERT_DESTINATION", destination, "at_destination")
    return source, destination


def _rename(api: httpx.Client, source_id: str, old: str, new: str, **scope: str) -> None:
    body = {"propertyRenames": [{"oldName": old, "newName": new}], "if": f"event = '{EVENT}'", **scope}
    data_of(api.post("/transformations", json={**body, "name": new, "sourceId": source_id, "enabled": True}))


def _insert(api: httpx.Client, kind: str, integration_id: str, mark: str) -> None:
    body = {"code": _MARK % mark, "displayName": mark, "resourceType": kind}
    function = data_of(api.post("/functions", json=body))["function"]
    body = {"functionId": function["id"], "integrationId": integration_id, "name": mark, "settings": {}}
    data_of(api.post("/insert-function-instances", json={**body, "enabled": True}))
