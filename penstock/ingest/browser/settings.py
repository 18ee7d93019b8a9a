"""`/v1/projects/<key>/settings`: what analytics.js and the mobile SDKs are told of a source (tracking-api.md §13.2).

Only `Segment.io` is listed as an integration: every other entry would make a browser fetch a script that nobody serves,
or make a phone switch on a plugin and leave that destination to it. Cloud-mode destinations are named as `unbundled`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from penstock.ingest.browser.documents import Document
from penstock.ingest.browser.origin import Origin
from penstock.ingest.browser.planned import PlanMember
from penstock.spec.snapshot import DestinationSnapshot

_CACHE = "public, max-age=30"
_LIBRARY = "4.4.7"


class Connected(msgspec.Struct, frozen=True):
    """What a document tells of the destinations that the server delivers to."""

    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Of consent, of all of them."""
    has_unmapped: bool = True
    """Whether one of them has no category, or there is none."""


def connected(destinations: Iterable[DestinationSnapshot]) -> Connected:
    delivered = [each for each in destinations if each.enabled and each.integration_names and each.supported_types]
    names = {each.integration_names[0] for each in delivered}
    categories = {category for each in delivered for category in each.consent_categories}
    has_unmapped = not delivered or not all(each.consent_categories for each in delivered)
    return Connected(tuple(sorted(names)), tuple(sorted(categories)), has_unmapped)


def settings_document(key: str, origin: Origin, told: Connected, plan: PlanMember) -> Document:
    """For one source and one address of this installation. What it says of the plan stands last, packed already."""
    beginning = msgspec.json.encode(_settings(key, origin, told)).removesuffix(b"}") + b","
    return Document.beginning(beginning, plan.body, "application/json; charset=utf-8", _CACHE)


def _settings(key: str, origin: Origin, told: Connected) -> dict[str, Any]:
    host = f"{origin.host}/v1"
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": host,
                "protocol": origin.scheme,
                "addBundledMetadata": True,
                "unbundledIntegrations": told.names,
                "maybeBundledConfigIds": {},
                "retryQueue": True,
                "versionSettings": {"version": _LIBRARY, "componentTypes": ["browser"]},
                "httpConfig": {"rateLimitConfig": {}, "backoffConfig": {}},
            }
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {"routingRules": []},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0, "host": host},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
        "consentSettings": {"allCategories": told.categories, "hasUnmappedDestinations": told.has_unmapped},
        "autoInstrumentationSettings": {"sampleRate": 0},
    }
