"""Sets resources up through the Public API, as a user's script would."""

from typing import Any

import httpx

WEBHOOK = "614a3c7d791c91c41bae7599"
HTTP_API_SOURCE = "iUM16Md8P2"
EVERY_EVENT = (
    'type = "track" or type = "identify" or type = "page" or type = "screen" or type = "group" or type = "alias"'
)


def data_of(response: httpx.Response) -> dict[str, Any]:
    """The `data` of a successful answer; an AssertionError with the body of any other."""
    assert response.is_success, f"{response.status_code}: {response.text}"
    data: dict[str, Any] = response.json()["data"]
    return data


def create_source(api: httpx.Client, slug: str) -> dict[str, Any]:
    body = {"slug": slug, "metadataId": HTTP_API_SOURCE, "enabled": True}
    source: dict[str, Any] = data_of(api.post("/sources", json=body))["source"]
    return source


def create_webhook(api: httpx.Client, source_id: str, name: str = "Webhook") -> dict[str, Any]:
    body = {"sourceId": source_id, "metadataId": WEBHOOK, "name": name, "enabled": True, "settings": {}}
    destination: dict[str, Any] = data_of(api.post("/destinations", json=body))["destination"]
    return destination


def subscribe(
    api: httpx.Client, destination_id: str, url: str, trigger: str = EVERY_EVENT, **mapping: Any
) -> dict[str, Any]:
    """A mapping of the Webhook's one action that posts the whole event to `url`."""
    settings = {"url": url, "method": "POST", "data": {"@path": "$."}, **mapping}
    body = {"name": "Send", "actionId": "send", "trigger": trigger, "enabled": True, "settings": settings}
    answer = api.post(f"/destinations/{destination_id}/subscriptions", json=body)
    subscription: dict[str, Any] = data_of(answer)["destinationSubscription"]
    return subscription


def connect_webhook(api: httpx.Client, source_id: str, url: str) -> dict[str, Any]:
    """A Webhook destination with one mapping for every event, named by where it posts; returns the destination."""
    destination = create_webhook(api, source_id, url)
    subscribe(api, destination["id"], url)
    return destination
