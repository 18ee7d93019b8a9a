"""Wrong values in every field of every body: never a 5xx, and what is refused is named."""

import pytest

from tests.contract.scenario import FILTER, SUBSCRIPTION, WEBHOOK, cases, prepare
from tests.contract.test_contract import WIRES

pytestmark = pytest.mark.one_database
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
OFFICIAL_ALONE = {"createLabel", "createWorkspaceRegulation"}
"""The seed wants these in another shape."""
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
    """Both profiles in turn; what is a good request to the official one is one to the seed's, but for a few."""
    ids = await prepare(control)
    asked = 0
    for case in cases(ids, is_official=True):
        if case.method not in ("POST", "PATCH") or case.body is None:
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
            wire = "seed" if number % 2 and case.operation not in OFFICIAL_ALONE else "v1"
            answer = await control.ask(case.method, case.path, body, **WIRES[wire])
            assert answer.status_code < 500, (case.operation, body, answer.text)
            if answer.status_code >= 400 and not limited(answer):
                named = [each.get("field", "") for each in answer.json()["errors"]]
                assert all(each == field or each.startswith(f"{field}.") for each in named), (field, body, named)
            asked += 1
    assert asked > 400


def limited(answer):
    """A rule on numbers, met on the way: 25 instances, 50 mappings, one function before a destination."""
    message = answer.json()["errors"][0]["message"]
    return "at most" in message or "already" in message


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


@pytest.mark.parametrize("kind", ["SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES"])
async def test_strange_actions_of_a_filter_come_back_or_are_refused_by_name(control, kind):
    """Also what `fields` holds: its paths and names are the sender's."""
    ids = await prepare(control)
    path = f"/destination/{ids['destination']}/filters"
    values = [
        *STRANGE,
        *({"": each} for each in STRANGE),
        *({each: ["x"]} for each in STRANGE if isinstance(each, str)),
    ]
    for value in values:
        for field in ("percent", "path", "fields", "undeclared"):
            good = {"SAMPLE": {"percent": 0.5}, "DROP": {}}.get(kind, {"fields": {"a": ["b"]}})
            action = {"type": kind, **good, field: value}
            answer = await control.ask("POST", path, FILTER | {"sourceId": ids["source"], "actions": [action]})
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 400:
                fields = [each["field"] for each in answer.json()["errors"]]
                assert all(each.startswith(f"actions.0.{field}") for each in fields), (action, fields)
            else:
                made = answer.json()["data"]["filter"]
                assert made["actions"] == [action]
                await control.data("DELETE", f"{path}/{made['id']}")
