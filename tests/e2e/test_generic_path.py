"""Every cloud destination of the package, through the whole tree: made by the API from its catalog entry, sent one event."""

import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from penstock.catalog.destinations import load_destination_catalog
from penstock.testing.destination_examples import (
    example_event,
    example_mapping,
    example_settings,
    example_trigger,
)
from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import FINAL, quarantined
from penstock.testing.sender import sender
from penstock.testing.setup import create_source, data_of

CATALOG = {one.id: one for one in load_destination_catalog().values() if one.traits.is_deliverable}
SETTINGS = {
    "PENSTOCK_OUTBOUND_ALLOW": "none",
    "PENSTOCK_RETRY_SECONDS": "0.1,0.1",
    "PENSTOCK_API_RATE_FACTOR": "0",
    "PENSTOCK_SYNC_SECONDS": "600",
    "PENSTOCK_RUNNERS": "1",
    "PENSTOCK_RUNNER_MEGABYTES": "1500",
}
COUNT = 214
SILENT = {
    "actions-google-data-manager",
    "actions-koala-cloud",
    "actions-noop",
    "actions-personas-messaging-sendgrid",
    "actions-personas-messaging-twilio",
}
"""Their code sends no request for such an event, and says success."""
WORKERS = 8


class Ending(msgspec.Struct, frozen=True):
    """How the event of one destination ended."""

    outcome: str
    reason: str
    message: str


def create(api, source_id, metadata, action):
    """A destination with settings for each option, and with a subscription where its presets made none."""
    settings = example_settings(metadata)
    body = {
        "sourceId": source_id,
        "metadataId": metadata.id,
        "name": metadata.slug,
        "enabled": True,
        "settings": settings,
    }
    destination = data_of(api.post("/destinations", json=body))["destination"]
    if not metadata.presets:
        subscribe(api, destination["id"], metadata, action)
    return destination["id"]


def subscribe(api, destination_id, metadata, action, **mapping):
    body = {
        "name": action.name,
        "actionId": action.id,
        "trigger": example_trigger(metadata, action),
        "enabled": True,
        "settings": {**example_mapping(metadata, action), **mapping},
    }
    return data_of(api.post(f"/destinations/{destination_id}/subscriptions", json=body))


def action_of(metadata):
    """The action of the first preset, else the first action."""
    first = metadata.presets[0].action_id if metadata.presets else metadata.actions[0].id
    return metadata.action(first)


@pytest.fixture(scope="module")
def endings(tmp_path_factory):
    """Per slug how its event ended, while nothing outside may be called. One source per kind of event."""
    with Instance(tmp_path_factory.mktemp("generic") / "data", SETTINGS) as instance, instance.api() as api:
        events = {
            metadata.id: example_event(example_trigger(metadata, action_of(metadata))) for metadata in CATALOG.values()
        }
        by_event = defaultdict(list)
        for metadata in CATALOG.values():
            by_event[json.dumps(events[metadata.id], sort_keys=True)].append(metadata)
        ids = {}
        with ThreadPoolExecutor(WORKERS) as workers:
            for number, group in enumerate(by_event.values()):
                source = create_source(api, f"kind-{number}")
                made = workers.map(lambda one, source=source: create(api, source["id"], one, action_of(one)), group)
                ids |= {identifier: one.slug for identifier, one in zip(made, group, strict=True)}
                with sender(instance.url, source["writeKeys"][0]) as send:
                    send.send(events[group[0].id] | {"messageId": f"kind-{number}"})
        found = wait_until(lambda: all_ended(instance, ids), 120, f"an outcome of each of {COUNT} destinations")
        yield found


def all_ended(instance, ids):
    """Once each destination has a final outcome: (slug) to its ending."""
    rows = instance.local().get("/penstock/outcomes?by=destination_id,outcome,reason")["outcomes"]
    finals = {row["destination_id"]: row for row in rows if row["outcome"] in FINAL}
    if not ids.keys() <= finals.keys():
        return None
    shown = {one.holder: one.response.decode(errors="replace") for one in quarantined(instance)}
    return {
        slug: Ending(finals[key]["outcome"], finals[key]["reason"], shown.get(key, "")) for key, slug in ids.items()
    }


def test_each_destination_ends_its_event_with_a_named_outcome(endings, report):
    report.append(f"{'destination':46}{'outcome':26}{'reason':22}last response")
    for slug, ending in sorted(endings.items()):
        report.append(f"{slug:46}{ending.outcome:26}{ending.reason:22}{ending.message[:80]}")
    report.append(str(Counter((ending.outcome, ending.reason) for ending in endings.values())))
    assert len(endings) == COUNT
    assert {slug: ending for slug, ending in endings.items() if ending.reason in ("INTERNAL", "")} == {}


def test_nothing_was_called(endings):
    delivered = {slug for slug, ending in endings.items() if ending.outcome == "SUCCESSFUL_DELIVERY"}
    print(sorted(delivered))
    assert delivered <= SILENT
    refused = sum("outbound policy" in ending.message for ending in endings.values())
    assert refused > COUNT // 2
