"""With a person goes what they left before they were known, where nobody else has the anonymous id."""

import pytest


def anonymous(message_id, anonymous_id, kind="track", **fields):
    named = {"event": "Order Completed"} if kind == "track" else {}
    return {"type": kind, "messageId": message_id, "anonymousId": anonymous_id} | named | fields


def known(message_id, anonymous_id, user_id, kind="identify", **fields):
    return anonymous(message_id, anonymous_id, kind, userId=user_id, **fields)


def ids_in(target, table, schema="shop"):
    return {value for (value,) in target.rows(f'SELECT id FROM "{schema}"."{table}"')}


@pytest.fixture
def loaded(target):
    target.load(
        anonymous("mine-1", "a-9", properties={"email": "u-9@mail.example"}),
        anonymous("mine-2", "a-9", "page", name="Home"),
        anonymous("mine-3", "a-9", "identify", traits={"email": "u-9@mail.example"}),
        anonymous("shared-1", "a-both"),
        anonymous("other-1", "a-1"),
        anonymous("nobody-1", "a-nobody"),
        known("mine-4", "a-9", "u-9"),
        known("shared-2", "a-both", "u-9"),
        known("shared-3", "a-both", "u-1", "page", name="Home"),
        known("other-2", "a-1", "u-1"),
    )
    return target


def test_what_came_before_a_person_was_known_goes_from_every_table(loaded):
    rows = loaded.warehouse.forget(["u-9"], ["shop"])
    assert rows == {"shop.tracks": 1, "shop.order_completed": 1, "shop.pages": 1, "shop.identifies": 3, "shop.users": 1}
    assert ids_in(loaded, "tracks") == ids_in(loaded, "order_completed") == {"shared-1", "other-1", "nobody-1"}
    assert ids_in(loaded, "identifies") == {"other-2"}


def test_what_a_device_sent_that_somebody_else_has_too_stays(loaded):
    loaded.warehouse.forget(["u-9"], None)
    assert "shared-1" in ids_in(loaded, "tracks")
    assert ids_in(loaded, "pages") == {"shared-3"}


def test_it_goes_with_the_last_who_has_the_device(loaded):
    loaded.warehouse.forget(["u-9"], None)
    loaded.warehouse.forget(["u-1"], None)
    assert ids_in(loaded, "tracks") == {"nobody-1"}


def test_it_goes_where_all_who_have_the_device_are_deleted_at_once(loaded):
    loaded.warehouse.forget(["u-9", "u-1"], None)
    assert ids_in(loaded, "tracks") == {"nobody-1"}


def test_any_event_ties_an_anonymous_id_to_a_person(target):
    target.load(anonymous("mine", "a-9"), known("tie", "a-9", "u-9", "track", event="Signed Up"))
    assert target.warehouse.forget(["u-9"], ["shop"]) == {
        "shop.tracks": 2,
        "shop.order_completed": 1,
        "shop.signed_up": 1,
    }


def test_one_source_says_nothing_of_another(loaded):
    loaded.load(anonymous("elsewhere", "a-9"), schema="other")
    loaded.warehouse.forget(["u-9"], None)
    assert ids_in(loaded, "tracks", "other") == {"elsewhere"}


def test_users_and_the_customer_s_own_tables_are_not_events(loaded):
    loaded.change("ALTER TABLE shop.users ADD COLUMN anonymous_id VARCHAR")
    loaded.change("UPDATE shop.users SET anonymous_id = 'a-9'")
    loaded.change("CREATE TABLE shop.own (anonymous_id VARCHAR)")
    loaded.change("INSERT INTO shop.own VALUES ('a-9')")
    loaded.warehouse.forget(["u-9"], ["shop"])
    assert ids_in(loaded, "users") == {"u-1"}
    assert loaded.one("SELECT count(*) FROM shop.own") == [1]


def test_the_context_that_an_anonymous_call_left_with_an_account_is_emptied(target):
    context = {"traits": {"email": "u-9@mail.example"}}
    target.load(anonymous("told", "a-9", "group", groupId="g-1", context=context), known("mine", "a-9", "u-9"))
    columns = "SELECT context_traits_email FROM shop.accounts"
    assert target.one(columns) == ["u-9@mail.example"]
    target.warehouse.forget(["u-9"], ["shop"])
    assert target.one(columns) == [None]


def test_an_error_leaves_nothing_in_the_way_of_the_next_try(loaded, monkeypatch):
    engine = type(loaded.warehouse.engine)
    real, tries = engine.execute, []

    def failing(self, statement, values=()):
        if statement.startswith('DELETE FROM "shop"') and not tries:
            tries.append(statement)
            real(self, "SELECT nothing FROM nowhere")
        real(self, statement, values)

    monkeypatch.setattr(engine, "execute", failing)
    with pytest.raises(Exception, match="nowhere"):
        loaded.warehouse.forget(["u-9"], ["shop"])
    assert loaded.warehouse.forget(["u-9"], ["shop"])["shop.tracks"] == 1


def test_whose_anonymous_ids_are_is_told_without_a_change(loaded):
    find = loaded.warehouse.find_anonymous
    assert {schema: set(ids) for schema, ids in find(["u-9"], {"shop": None}).items()} == {"shop": {"a-9", "a-both"}}
    assert find(["u-9"], {"shop": ["a-9", "a-both", "a-1", "strange"], "gone": None}) == {"shop": ["a-1", "a-both"]}
    assert find(["u-9", "u-1"], {"shop": ["a-both"]}) == {"shop": []}
    assert find(["u-9"], {}) == {}
    assert "mine-1" in ids_in(loaded, "tracks")
