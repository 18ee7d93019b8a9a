"""A person is deleted from a target: from every table, and nobody else with them."""

import pytest

from penstock.catalog.warehouses.duckdb.rewriting import rewrite
from penstock.catalog.warehouses.port import WarehouseError


def events(user, number):
    ids = {"userId": user, "context": {"traits": {"email": f"{user}@mail.example"}}}
    made = [
        {"type": "track", "event": "Order Completed", "properties": {"note": f"of {user}"}},
        {"type": "identify", "traits": {"email": f"{user}@mail.example"}},
        {"type": "page", "name": "Home"},
        {"type": "screen", "name": "Home"},
        {"type": "group", "groupId": "g-1", "traits": {"name": "Group"}},
        {"type": "alias", "previousId": f"old-{user}"},
    ]
    return [each | ids | {"messageId": f"{user}-{number}-{place}"} for place, each in enumerate(made)]


@pytest.fixture
def loaded(target):
    target.load(*events("u-9", 1), *events("u-1", 1))
    target.load(*events("u-9", 2), schema="other")
    return target


def users_in(target, schema="shop"):
    found = set()
    for table in target.tables(schema) - {"accounts"}:
        column = "id" if table == "users" else "user_id"
        found |= {value for (value,) in target.rows(f'SELECT {column} FROM "{schema}"."{table}"')}
    return found


def test_every_table_loses_the_rows_of_a_person_and_keeps_those_of_others(loaded):
    rows = loaded.warehouse.forget(["u-9", "nobody"], ["shop"])
    assert rows == {
        f"shop.{table}": 1
        for table in (
            "tracks",
            "order_completed",
            "identifies",
            "users",
            "pages",
            "screens",
            "groups",
            "aliases",
        )
    }
    assert users_in(loaded) == {"u-1"}
    assert loaded.one("SELECT count(*) FROM shop.accounts") == [1]
    assert users_in(loaded, "other") == {"u-9"}


def test_the_context_of_who_told_of_an_account_is_emptied(loaded):
    columns = "SELECT context_traits_email, name FROM other.accounts"
    assert loaded.one(columns) == ["u-9@mail.example", "Group"]
    loaded.warehouse.forget(["u-9"], ["other"])
    assert loaded.one(columns) == [None, "Group"]


def test_an_account_keeps_what_a_person_told_of_it_but_for_themselves(target):
    told = {
        "name": "Group",
        "owner": "U-9@Mail.example",
        "seller": "u-9",
        "team": ["u-9@mail.example", "u-1@mail.example"],
    }
    about = {"type": "group", "groupId": "g-1", "userId": "u-9", "messageId": "m1"}
    others = about | {"groupId": "g-2", "userId": "u-1", "messageId": "m2"}
    target.load(*events("u-9", 1), about | {"traits": told}, others | {"traits": told | {"seller": "u-19"}})
    before = target.rows("SELECT * FROM shop.accounts WHERE id = 'g-2'")
    target.warehouse.forget(["u-9"], ["shop"])
    assert target.one("SELECT name, owner, seller, team FROM shop.accounts WHERE id = 'g-1'") == [
        "Group",
        None,
        None,
        None,
    ]
    assert target.rows("SELECT * FROM shop.accounts WHERE id = 'g-2'") == before, "of which somebody else has told"


@pytest.mark.parametrize(
    "trait",
    [
        ["u-9", "u-1"],
        "https://x.example/?mail=u-9@mail.example&a=1",
        "'u-9@mail.example'",
        "Ask u-9@mail.example!",
        {"owner": "u-9"},
        "mailto:u-9@mail.example",
        "https://x.example/?mail=u-9%40Mail.example%26a%3D1&b=2",
    ],
)
def test_in_whatever_a_trait_of_an_account_names_them_it_goes(target, trait):
    about = {"type": "group", "groupId": "g-1", "userId": "u-9", "messageId": "m1"}
    target.load(*events("u-9", 1), about | {"traits": {"name": "Group", "other": trait}})
    target.warehouse.forget(["u-9"], ["shop"])
    left = str(target.rows("SELECT * FROM shop.accounts WHERE id = 'g-1'"))
    assert "Group" in left
    assert "u-9" not in left


def test_all_schemas_are_meant_where_none_is_named(loaded):
    loaded.warehouse.forget(["u-9"], None)
    assert users_in(loaded) | users_in(loaded, "other") == {"u-1"}


def test_an_alias_from_the_person_goes_too(loaded):
    assert loaded.warehouse.forget(["old-u-1"], ["shop"]) == {"shop.aliases": 1}


def test_to_forget_again_changes_nothing(loaded):
    assert loaded.warehouse.forget(["u-9"], ["shop"])
    assert loaded.warehouse.forget(["u-9"], ["shop"]) == {}
    assert users_in(loaded) == {"u-1"}


def test_what_was_noted_of_their_values_goes_too(loaded):
    wide = {"messageId": "u-9-3", "userId": "u-9", "type": "track", "event": "Order Completed"}
    loaded.change("ALTER TABLE shop.order_completed ADD COLUMN total BIGINT")
    loaded.load(wide | {"properties": {"total": "secret value"}})
    assert any("secret value" in str(row) for row in loaded.discards())
    loaded.warehouse.forget(["u-9"], ["shop"])
    assert loaded.discards() == []


def test_a_target_that_holds_nothing_yet_has_nobody(target):
    assert target.warehouse.forget(["u-9"], None) == {}
    assert target.warehouse.forget(["u-9"], ["shop"]) == {}


def test_views_are_left_to_their_tables(loaded):
    loaded.change("CREATE VIEW shop.mine AS SELECT * FROM shop.tracks")
    assert "shop.mine" not in loaded.warehouse.forget(["u-9"], ["shop"])
    assert loaded.one("SELECT count(*) FROM shop.mine") == [1]


def test_loads_go_on_where_they_stood(loaded):
    loaded.warehouse.forget(["u-9"], None)
    loaded.warehouse.close()
    loaded.place.rewrite()
    loaded.warehouse = loaded.place.open()
    assert loaded.warehouse.positions() == {0: 2}
    loaded.load(*events("u-9", 3))
    assert loaded.one("SELECT count(*) FROM shop.tracks") == [2]


@pytest.mark.parametrize("target", ["duckdb"], indirect=True)
class TestDuckDBFile:
    @pytest.fixture
    def file(self, loaded):
        loaded.reopen()
        (file,) = loaded.place._file.parent.glob("*.duckdb")
        return file

    def test_no_byte_of_a_deleted_person_is_left_once_the_file_was_written_anew(self, loaded, file):
        assert b"u-9@mail.example" in file.read_bytes()
        loaded.warehouse.forget(["u-9"], None)
        loaded.warehouse.close()
        loaded.place.rewrite()
        for each in file.parent.iterdir():
            assert b"u-9@" not in each.read_bytes()
        loaded.warehouse = loaded.place.open()
        assert users_in(loaded) == {"u-1"}

    def test_a_file_that_cannot_be_written_anew_stands_as_it_was(self, loaded, file):
        loaded.warehouse.close()
        (file.parent / f"{file.name}.rewritten").mkdir()
        before = file.read_bytes()
        with pytest.raises((WarehouseError, OSError)):
            rewrite(file, 256)
        assert file.read_bytes() == before
        loaded.warehouse = loaded.place.open()
