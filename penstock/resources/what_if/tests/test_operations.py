import pytest

from penstock.spec.what_if import Difference, WhatIfReport

RANGE = {"since": "2030-01-02T00:00:00Z", "until": "2030-01-03T00:00:00Z"}
RULE = {"type": "TRACK", "key": "Signup", "version": 1, "jsonSchema": {}}
SAMPLE = Difference("m1", "track", "Signup", "", "unplanned", b'{"a":1}', b"")


@pytest.fixture
async def asked(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    control.roles.replies["WhatIf"] = WhatIfReport(3, {"": 3}, {"": 2, "unplanned": 1}, 0, [SAMPLE], "0-7")
    return RANGE | {"sourceId": source["id"]}


async def test_the_report_is_told_with_documents(control, asked):
    told = await control.data("POST", "/penstock/what-if", asked | {"rules": [RULE]})
    assert (told["events"], told["after"], told["next"]) == (3, {"": 2, "unplanned": 1}, "0-7")
    (sample,) = told["samples"]
    assert (sample["before"], sample["after"], sample["afterEnding"]) == ({"a": 1}, None, "unplanned")


async def test_the_engine_is_told_what_it_would_be_told_were_the_change_made(control, asked):
    change = {
        "rules": [RULE],
        "settings": {"track": {"allowUnplannedEvents": False}},
        "schemaFilters": {"blockedEvents": [{"type": "track", "name": "Noise"}]},
        "transformations": [{"if": "all", "newEventName": "Other"}],
        "limit": 7,
    }
    await control.data("POST", "/penstock/what-if", asked | change)
    call = control.roles.asked[-1]
    assert (call.since, call.until, call.limit) == (1_893_542_400_000, 1_893_628_800_000, 7)
    assert call.source.plan_id == call.plan.id
    assert [rule.key for rule in call.plan.rules] == ["Signup"]
    assert not call.source.controls.track.allows_unplanned_events
    assert call.source.filters.blocked == [("track", "Noise")]
    assert [each.new_event_name for each in call.source.transformations] == ["Other"]


async def test_conditions_that_order_texts_are_warned_of_by_their_fields(control, asked):
    source = asked["sourceId"]
    webhook = {
        "sourceId": source,
        "metadataId": "614a3c7d791c91c41bae7599",
        "name": "A",
        "enabled": True,
        "settings": {},
    }
    destination = (await control.data("POST", "/destinations", webhook))["destination"]["id"]
    late = "receivedAt > '2024'"
    change = {
        "filters": [{"if": condition, "actions": [{"type": "DROP"}]} for condition in ("all", late)],
        "transformations": [{"if": late, "drop": True}],
        "destinationTransformations": [{"if": "all", "fqlDefinedProperties": [{"fql": late, "propertyName": "a"}]}],
    }
    answer = await control.ask("POST", "/penstock/what-if", asked | {"destinationId": destination} | change)
    assert answer.status_code == 200, answer.text
    fields = ["filters.1.if", "transformations.0.if", "destinationTransformations.0.fqlDefinedProperties.0"]
    assert [told.split("'")[1] for told in answer.headers["Warning"].split(", 299")] == fields


async def test_what_is_not_sent_stays_as_it_is(control, asked):
    body = {"name": "n", "sourceId": asked["sourceId"], "enabled": True, "if": "all", "newEventName": "Kept"}
    await control.data("POST", "/transformations", body)
    await control.data("POST", "/penstock/what-if", asked | {"rules": []})
    assert [each.new_event_name for each in control.roles.asked[-1].source.transformations] == ["Kept"]


async def test_what_the_lists_of_the_api_tell_is_taken_without_what_is_switched_off(control, asked):
    told = {"id": "t", "name": "n", "sourceId": asked["sourceId"], "if": "all"}
    transformations = [told | {"enabled": True, "newEventName": "On"}, told | {"enabled": False, "newEventName": "Off"}]
    rules = [RULE | dict.fromkeys(("createdAt", "updatedAt", "deprecatedAt"), "2030-01-02T00:00:00.000Z")]
    await control.data("POST", "/penstock/what-if", asked | {"rules": rules, "transformations": transformations})
    call = control.roles.asked[-1]
    assert [each.new_event_name for each in call.source.transformations] == ["On"]
    assert [rule.key for rule in call.plan.rules] == ["Signup"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "rules"),
        ({"since": "yesterday", "rules": []}, "since"),
        ({"rules": [RULE | {"jsonSchema": {"type": "Number"}}]}, "rules.0.jsonSchema"),
        ({"transformations": [{"if": "all"}, {"if": "event ="}]}, "transformations.1.if"),
        ({"until": RANGE["since"], "rules": []}, "until"),
        ({"filters": []}, "destinationId"),
        ({"rules": [], "after": "0-7-1"}, "after"),
        ({"settings": {"track": {"commonEventOnViolations": "no"}}}, "settings.track.commonEventOnViolations"),
    ],
)
async def test_what_cannot_be_tried_out_is_refused_by_name(control, asked, change, field):
    answer = await control.ask("POST", "/penstock/what-if", asked | change)
    assert answer.json()["errors"][0]["field"] == field


async def test_a_destination_of_another_source_is_not_found(control, asked):
    answer = await control.ask("POST", "/penstock/what-if", asked | {"destinationId": "nothing", "filters": []})
    assert answer.status_code == 404
