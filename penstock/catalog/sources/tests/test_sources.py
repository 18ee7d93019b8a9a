from penstock.catalog.sources import load_source_catalog


def test_every_source_has_an_id_of_its_own_and_a_logo():
    catalog = load_source_catalog()
    assert len(catalog) == 125
    assert all(entry.id == key and entry.logo.startswith("https://") for key, entry in catalog.items())


def test_the_platform_of_a_library_is_known():
    catalog = load_source_catalog()
    assert catalog["IqDTy1TpoU"].platform == "website"
    assert catalog["iUM16Md8P2"].platform == "server"
    assert {entry.platform for entry in catalog.values()} == {"website", "mobile", "server", ""}


def test_entries_stand_in_the_order_of_their_names():
    names = [(entry.name.lower(), entry.id) for entry in load_source_catalog().values()]
    assert names == sorted(names)
