"""Settings, mappings and events that fit a destination of the catalog, made from its own description."""

import json
import re
from typing import Any

from msgspec import UNSET

from penstock.catalog.destinations import Action, ActionField, DestinationMetadata, Option

_TYPE = re.compile(r'type\s*=\s*"?(\w+)"?')
_EVENT = re.compile(r'\bevent\s*=\s*"([^"]+)"')
_BY_NAME = (
    ("email", "ada@example.com"),
    ("phone", "+12025550123"),
    ("url", "https://receiver.example.com/in"),
    ("endpoint", "https://receiver.example.com"),
    ("domain", "receiver.example.com"),
    ("currency", "USD"),
    ("country", "US"),
    ("region", "us-east-1"),
    ("timestamp", "2026-01-02T03:04:05.000Z"),
    ("date", "2026-01-02T03:04:05.000Z"),
    ("id", "12345678"),
)
_BY_TYPE: dict[str, Any] = {
    "BOOLEAN": True,
    "NUMBER": 1,
    "INTEGER": 1,
    "DATETIME": "2026-01-02T03:04:05.000Z",
    "OBJECT": {"key": "value"},
}


def example_settings(metadata: DestinationMetadata) -> dict[str, Any]:
    """A value for every option."""
    return {option.name: _setting(metadata, option) for option in metadata.options}


def example_mapping(metadata: DestinationMetadata, action: Action) -> dict[str, Any]:
    """Defaults of the fields, an automatic preset over them, and something for what is required beyond."""
    preset = next((one.fields for one in metadata.presets if one.action_id == action.id), {})
    mapping = {field.field_key: field.default_value for field in action.fields if field.default_value is not UNSET}
    mapping.update(metadata.traits.hidden_defaults.get(action.id, {}))
    mapping.update(preset)
    for field in action.fields:
        if field.required and mapping.get(field.field_key) in (None, ""):
            mapping[field.field_key] = _value(field)
    if modes := metadata.traits.sync_modes.get(action.id):
        mapping.setdefault("__segment_internal_sync_mode", modes[0])
    return mapping


def example_trigger(metadata: DestinationMetadata, action: Action) -> str:
    """The trigger of a preset or of the action, else every track."""
    preset = next((one.trigger for one in metadata.presets if one.action_id == action.id), None)
    return preset or action.default_trigger or 'type = "track"'


def example_event(trigger: str) -> dict[str, Any]:
    """An event that a simple trigger matches, rich enough for most default mappings."""
    found_type = _TYPE.search(trigger)
    kind = found_type[1] if found_type else "track"
    found_name = _EVENT.search(trigger)
    traits = {"email": "ada@example.com", "firstName": "Ada", "lastName": "L", "phone": "+12025550123", "plan": "pro"}
    product = {"product_id": "p-1", "sku": "s-1", "name": "Lamp", "price": 19.5, "quantity": 2, "category": "Home"}
    properties = {
        **traits,
        "order_id": "o-1",
        "revenue": 39.0,
        "total": 42.0,
        "value": 39.0,
        "currency": "USD",
        "query": "lamp",
        "products": [product],
        **product,
    }
    return {
        "type": kind,
        "event": found_name[1] if found_name else "Order Completed",
        "name": "Home",
        "category": "Shop",
        "userId": "u-1",
        "anonymousId": "a-1",
        "previousId": "u-0",
        "groupId": "g-1",
        "messageId": "m-1",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "receivedAt": "2026-01-02T03:04:06.000Z",
        "context": {
            "ip": "8.8.8.8",
            "locale": "en-US",
            "userAgent": "Mozilla/5.0",
            "traits": traits,
            "page": {"url": "https://shop.example.com/", "path": "/", "title": "Shop", "referrer": ""},
            "library": {"name": "analytics.js", "version": "1.0.0"},
        },
        "traits": {**traits, "name": "Ada L"},
        "properties": properties,
        "integrations": {},
    }


def example_event_bytes(trigger: str) -> bytes:
    """The same as raw JSON."""
    return json.dumps(example_event(trigger)).encode()


def _setting(metadata: DestinationMetadata, option: Option) -> Any:
    if option.default_value not in ("", None):
        return option.default_value
    if choices := metadata.traits.option_choices.get(option.name):
        return choices[0].value
    if option.type == "boolean":
        return False
    if option.type == "number":
        return 1
    return _by_name(option.name)


def _value(field: ActionField) -> Any:
    value = field.choices[0].value if field.choices else _BY_TYPE.get(field.type) or _by_name(field.field_key)
    return [value] if field.multiple else value


def _by_name(name: str) -> str:
    lowered = name.lower()
    return next((value for part, value in _BY_NAME if part in lowered), "example-value")
