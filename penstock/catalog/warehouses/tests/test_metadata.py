from penstock.catalog.warehouses.drivers import SLUGS
from penstock.catalog.warehouses.metadata import load_warehouse_catalog
from penstock.kit.ids import derived_id


def test_the_ids_are_those_that_scripts_know():
    ids = {entry.slug: entry.id for entry in load_warehouse_catalog().values()}
    assert ids["redshift"] == "aea3c55dsz"
    assert ids["postgres"] == "55d3d3aea3c"
    assert ids["snowflake"] == "CCIl4HLQPz"
    assert ids["bigquery"] == "kwX50Df0hr"
    assert ids["duckdb"] == derived_id("warehouse", "duckdb")[:10]
    assert len(ids) == 9


def test_every_driver_has_an_entry():
    assert {entry.slug for entry in load_warehouse_catalog().values() if entry.has_driver} == set(SLUGS)


def test_every_password_is_a_secret():
    for entry in load_warehouse_catalog().values():
        for option in entry.options:
            assert option.is_secret == (option.name in {"password", "private_key", "credentials"})


def test_entries_stand_in_the_order_of_their_names():
    names = [entry.name.lower() for entry in load_warehouse_catalog().values()]
    assert names == sorted(names)
