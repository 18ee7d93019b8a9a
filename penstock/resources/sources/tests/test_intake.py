import pytest

from penstock.resources.slices import OPERATIONS
from penstock.testing.control_plane import V1

HTTP_API = "iUM16Md8P2"


@pytest.fixture
async def source_id(control):
    made = await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API})
    return made["source"]["id"]


async def test_a_new_source_has_no_quota_and_keeps_addresses_and_what_it_blocks(control, source_id):
    found = await control.data("GET", f"/penstock/sources/{source_id}/intake")
    assert found["intake"] == {
        "sourceId": source_id,
        "eventRate": 0,
        "ip": "keep",
        "keepBlockedEvents": True,
    }


@pytest.mark.parametrize("headers", [{}, {"accept": V1}])
async def test_what_is_set_is_told_and_the_rest_stays(control, source_id, headers):
    path = f"/penstock/sources/{source_id}/intake"
    await control.data("PATCH", path, {"eventRate": 50}, **headers)
    await control.data("PATCH", path, {"keepBlockedEvents": False}, **headers)
    changed = (await control.data("PATCH", path, {"ip": "truncate"}, **headers))["intake"]
    assert (changed["eventRate"], changed["ip"], changed["keepBlockedEvents"]) == (50, "truncate", False)
    assert (await control.data("GET", path))["intake"] == changed


@pytest.mark.parametrize(
    ("field", "value"), [("ip", "hide"), ("eventRate", -2), ("eventRate", "many"), ("keepBlockedEvents", "no")]
)
async def test_what_makes_no_sense_is_refused_by_name(control, source_id, field, value):
    answer = await control.ask("PATCH", f"/penstock/sources/{source_id}/intake", {field: value})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def test_another_workspaces_source_is_not_found(control):
    assert (await control.ask("GET", "/penstock/sources/nothing/intake")).status_code == 404


def test_extensions_are_told_apart_from_the_contract():
    assert {one.id for one in OPERATIONS if one.is_ours} >= {"getSourceIntake", "updateSourceIntake"}
