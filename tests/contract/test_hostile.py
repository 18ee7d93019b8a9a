"""Wrong values in every field of every body: never a 5xx, and what is refused is named."""

import pytest

from tests.contract.scenario import SUBSCRIPTION, WEBHOOK, cases, prepare
from tests.contract.test_contract import WIRES

STRANGE = [
    None,
    True,
    -1,
    1e308,
    10**40,
    "",
    "\x00",
    "ü" * 100,
    "a" * 300,
    "a" * 20_000,
    [],
    {},
    {"@path": 1},
    {"a": {"@if": {"exists": {"@path": "$.a"}}}},
]
WHOLE = {
    "createSource": {"name": "n", "disconnectAllWarehouses": True},
    "updateSource": {"slug": "s", "enabled": False, "name": "n", "settings": {}},
    "updateDestination": {"enabled": False, "name": "n", "settings": {}},
    "createDestinationSubscription": {"modelId": "m"},
}


def mutations(body):
    """(field, body) for each field of `body`, one that nobody declares, and those of an object inside."""
    for field in (*body, "undeclared", "__proto__"):
        for value in STRANGE:
            yield field, body | {field: value}
    inner = body.get("input")
    if isinstance(inner, dict):
        for field, changed in mutations(inner | {"reverseETLModelId": "m", "reverseETLSchedule": {"strategy": "CRON"}}):
            yield f"input.{field}", {"input": changed}


async def test_no_value_in_any_field_is_a_failure_of_ours_and_each_refusal_names_its_field(control):
    """Both profiles in turn; what is a good request to the official one is one to the seed's."""
    ids = await prepare(control)
    asked = 0
    for case in cases(ids, is_official=True):
        if case.method not in ("POST", "PATCH"):
            continue
        base = {**case.body, **WHOLE.get(case.operation, {})}
        if case.operation == "createSource":
            del base["name"]
        for number, (field, body) in enumerate(mutations(base)):
            control.clock.advance(61)
            if case.operation == "createSource" and field != "slug":
                body["slug"] = f"strange-{number}"
            if case.operation == "createDestination" and field != "name":
                body["name"] = f"Strange {number}"
            answer = await control.ask(case.method, case.path, body, **WIRES["seed" if number % 2 else "v1"])
            assert answer.status_code < 500, (case.operation, body, answer.text)
            if answer.status_code >= 400 and not limited(answer):
                named = [each.get("field", "") for each in answer.json()["errors"]]
                assert all(each == field or each.startswith(f"{field}.") for each in named), (field, body, named)
            asked += 1
    assert asked > 400


def limited(answer):
    """A rule on numbers, met on the way: 25 instances, 50 mappings."""
    return "at most" in answer.json()["errors"][0]["message"]


async def test_strange_settings_of_a_destination_come_back_or_are_refused_by_name(control):
    ids = await prepare(control)
    for value in STRANGE:
        body = {"sourceId": ids["source"], "metadataId": WEBHOOK, "settings": {"sharedSecret": value}}
        answer = await control.ask("POST", "/destinations", body)
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 400:
            assert answer.json()["errors"][0]["field"] == "settings.sharedSecret"
        else:
            assert set(answer.json()["data"]["destination"]["settings"].values()) <= {"••••••••"}


@pytest.mark.parametrize("trigger", [value for value in STRANGE if isinstance(value, str)])
async def test_strange_triggers_are_refused_by_name(control, trigger):
    ids = await prepare(control)
    path = f"/destinations/{ids['destination']}/subscriptions"
    answer = await control.ask("POST", path, SUBSCRIPTION | {"trigger": trigger})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "trigger")
