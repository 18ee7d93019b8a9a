"""What the public catalogue says of a destination, in the form of the API (destinations.md §2).

Ids, names, categories, logos and setting keys are facts of Segment's public catalogue (CC BY 4.0).
"""

from typing import Any

from penstock.catalog.destinations.metadata import Features, Methods, Platforms

Facts = dict[str, Any]
EMPTY: dict[str, Any] = {"boolean": False, "number": 0}
"""The default of a setting that has none, by type; else it is the empty text."""


def features(facts: Facts, device_mode_instances: str = "0") -> Features:
    return Features(
        cloud_mode_instances="MULTIPLE",
        device_mode_instances=device_mode_instances,
        replay=facts.get("replay", False),
        browser_unbundling=facts.get("browserUnbundling", False),
        browser_unbundling_public=facts.get("browserUnbundlingPublic", False),
    )


def methods(facts: Facts) -> Methods:
    known = facts.get("methods", ["track", "identify", "group", "alias", "page"])
    return Methods("page" in known, "identify" in known, "alias" in known, "track" in known, "group" in known)


def platforms(facts: Facts) -> Platforms:
    known = facts.get("platforms", ["browser", "server", "mobile"])
    names = ("browser", "server", "mobile", "warehouse", "cloudAppObject", "linkedAudiences")
    return Platforms(*(name in known for name in names))
