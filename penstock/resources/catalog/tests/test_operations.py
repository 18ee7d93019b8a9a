import pytest

from penstock.catalog.destinations import load_destination_catalog
from penstock.catalog.warehouses.drivers import SLUGS
from penstock.catalog.warehouses.metadata import DRIVEN, load_warehouse_catalog
from penstock.resources.catalog.warehouses import NOT_LOADED
from penstock.testing.control_plane import V1

WEBHOOK = "614a3c7d791c91c41bae7599"


async def walk(control, path, name, **headers):
    seen, cursor = [], "MA=="
    while cursor:
        data = await control.data("GET", f"{path}?pagination.count=50&pagination.cursor={cursor}", **headers)
        assert data[name]
        seen += data[name]
        cursor = data["pagination"].get("next")
    assert len(seen) == data["pagination"]["totalEntries"]
    return seen


async def test_every_source_is_seen_once_in_the_order_of_names(control):
    seen = await walk(control, "/catalog/sources", "sourcesCatalog")
    keys = [(entry["name"].lower(), entry["id"]) for entry in seen]
    assert keys == sorted(set(keys))
    assert len(keys) == 125


async def test_every_destination_is_seen_once_with_its_actions(control):
    seen = await walk(control, "/catalog/destinations", "destinationsCatalog", accept=V1)
    assert {entry["id"] for entry in seen} == set(load_destination_catalog())
    assert sum(len(entry["actions"]) for entry in seen) > 500


@pytest.mark.parametrize("headers", [{}, {"accept": V1}])
async def test_a_page_tells_of_a_destination_what_it_tells_itself_in_that_contract(control, headers):
    for _ in range(2):
        told = (await control.data("GET", "/catalog/destinations?pagination.count=2", **headers))["destinationsCatalog"]
        for entry in told:
            alone = await control.data("GET", f"/catalog/destinations/{entry['id']}", **headers)
            assert alone["destinationMetadata"] == entry
            assert ("screen" in entry["supportedMethods"]) is not bool(headers)


async def test_the_action_of_the_webhook_is_its_key_in_the_package(control):
    metadata = (await control.data("GET", f"/catalog/destinations/{WEBHOOK}"))["destinationCatalog"]
    (action,) = metadata["actions"]
    assert (action["id"], action["slug"], action["platform"]) == ("send", "send", "CLOUD")
    assert metadata["supportedMethods"]["screen"] is True
    official = (await control.data("GET", f"/catalog/destinations/{WEBHOOK}", accept=V1))["destinationMetadata"]
    assert "screen" not in official["supportedMethods"]


async def test_all_official_warehouses_are_there_and_what_cannot_be_loaded_says_so(control):
    seen = await walk(control, "/catalog/warehouses", "warehousesCatalog")
    loaded = tuple(entry["slug"] for entry in seen if NOT_LOADED not in entry["description"])
    assert loaded == SLUGS == DRIVEN
    assert {entry["id"] for entry in seen} == set(load_warehouse_catalog())
    assert {"aea3c55dsz", "55d3d3aea3c", "CCIl4HLQPz", "kwX50Df0hr"} <= {entry["id"] for entry in seen}
    snowflake = (await control.data("GET", "/catalog/warehouses/CCIl4HLQPz", accept=V1))["warehouseMetadata"]
    assert snowflake == next(entry for entry in seen if entry["slug"] == "snowflake")


@pytest.mark.parametrize("kind", ["sources", "destinations", "warehouses"])
async def test_what_is_not_in_the_catalog_is_not_found(control, kind):
    assert (await control.ask("GET", f"/catalog/{kind}/nothing")).status_code == 404
