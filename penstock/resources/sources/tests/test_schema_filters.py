import pytest

HTTP_API = "iUM16Md8P2"
FILTERS = {
    "blockedEvents": [{"type": "track", "name": "Noise"}, {"type": "page", "name": ""}],
    "omittedProperties": [{"type": "track", "name": "Signup", "property": "email"}],
    "omittedTraits": [{"type": "identify", "trait": "ssn"}],
}


@pytest.fixture
async def source_id(control):
    return (await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API}))["source"]["id"]


def path(source_id):
    return f"/penstock/sources/{source_id}/schema-filters"


async def connect_plan(control, source_id):
    plan = (await control.data("POST", "/tracking-plans", {"name": "Web", "type": "LIVE"}))["trackingPlan"]
    await control.data("POST", f"/tracking-plans/{plan['id']}/sources", {"sourceId": source_id})


async def test_a_new_source_filters_nothing(control, source_id):
    filters = (await control.data("GET", path(source_id)))["filters"]
    nothing = {name: [] for name in FILTERS}
    assert filters == {"sourceId": source_id, "isActive": True, **nothing}


async def test_what_is_set_is_told_and_published(control, source_id):
    changed = await control.data("PATCH", path(source_id), FILTERS)
    assert changed == await control.data("GET", path(source_id))
    assert {name: changed["filters"][name] for name in FILTERS} == FILTERS
    _, snapshot = (await control.outbox())[-1]
    assert snapshot.filters.blocked == [("track", "Noise"), ("page", "")]
    assert snapshot.filters.omitted == [("track", "Signup", "email"), ("identify", "", "ssn")]


async def test_only_the_lists_that_are_sent_change(control, source_id):
    await control.data("PATCH", path(source_id), FILTERS)
    await control.data("PATCH", path(source_id), {"blockedEvents": []})
    filters = (await control.data("GET", path(source_id)))["filters"]
    assert (filters["blockedEvents"], filters["omittedTraits"]) == ([], FILTERS["omittedTraits"])


async def test_a_source_with_a_plan_refuses_them_and_tells_that_they_do_not_act(control, source_id):
    await control.data("PATCH", path(source_id), FILTERS)
    await connect_plan(control, source_id)
    assert (await control.ask("PATCH", path(source_id), FILTERS)).status_code == 400
    assert not (await control.data("GET", path(source_id)))["filters"]["isActive"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"blockedEvents": [{"type": "identify", "name": "x"}]}, "blockedEvents.0.type"),
        ({"omittedTraits": [{"type": "identify", "trait": ""}]}, "omittedTraits.0.trait"),
        ({"blockedEvents": [{"type": "track", "name": "x"}] * 1_001}, "blockedEvents"),
    ],
)
async def test_what_cannot_be_a_filter_is_refused_by_name(control, source_id, body, field):
    answer = await control.ask("PATCH", path(source_id), body)
    assert answer.json()["errors"][0]["field"] == field
