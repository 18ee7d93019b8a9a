"""`users` and `accounts`: whose value stands, after whatever order of arrival."""

import itertools

import pytest


def identify(message_id, minute, **traits):
    received = f"2024-05-01T10:{minute:02}:00.000Z"
    return {"type": "identify", "userId": "u1", "messageId": message_id, "receivedAt": received, "traits": traits}


CALLS = [
    identify("m1", 10, plan="free", email="old@b.test"),
    identify("m2", 20, plan="pro"),
    identify("m3", 30, email="new@b.test"),
    identify("m4", 15, plan="trial", city="Ghent"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_latest_value_of_each_trait_stands_in_every_order_of_loads(target, order):
    for index in order:
        target.load(CALLS[index])
    found = target.one("SELECT plan, email, city, received_at FROM shop.users")
    assert found == ["pro", "new@b.test", "Ghent", "2024-05-01T10:30:00"]


@pytest.mark.parametrize("split", range(1, 4))
def test_the_same_holds_for_a_load_of_many(target, split):
    calls = CALLS[::-1]
    target.load(*calls[:split])
    target.load(*calls[split:])
    found = target.one("SELECT plan, email, city FROM shop.users")
    assert found == ["pro", "new@b.test", "Ghent"]


def test_calls_of_one_moment_count_in_the_order_of_the_log(target):
    target.load(identify("m1", 10, plan="a"), identify("m2", 10, plan="b"))
    target.load(identify("m3", 10, plan="c"))
    assert target.one("SELECT plan FROM shop.users") == ["c"]


def test_a_call_that_is_there_already_changes_nothing(target):
    target.load(identify("m1", 10, plan="free"))
    target.load(identify("m2", 20, plan="pro"))
    report = target.load(identify("m1", 30, plan="free"))
    assert report.rows == 0
    assert target.one("SELECT plan, received_at FROM shop.users") == ["pro", "2024-05-01T10:20:00"]


def test_a_late_call_may_bring_a_column(target):
    target.load(identify("m1", 20, plan="pro"))
    target.load(identify("m2", 10, city="Ghent"))
    assert target.one("SELECT plan, city FROM shop.users") == ["pro", "Ghent"]


def test_a_trait_that_is_null_leaves_the_value_and_an_empty_text_is_one(target):
    target.load(identify("m1", 10, plan="pro", email="a@b.test"), identify("m2", 20, plan=None, never=None))
    target.load(identify("m3", 30, plan=None, email=""))
    assert target.one("SELECT plan, email FROM shop.users") == ["pro", ""]
    assert target.one("SELECT plan FROM shop.identifies WHERE id = 'm3'") == [None]
    assert "never" not in target.columns("users")


def test_accounts_are_merged_by_group(target):
    group = {"type": "group", "userId": "u1", "groupId": "g1"}
    target.load(group | {"messageId": "m1", "traits": {"name": "Initech", "seats": 5}})
    target.load(group | {"messageId": "m2", "traits": {"seats": 7}}, group | {"messageId": "m3", "groupId": "g2"})
    assert target.rows("SELECT id, name, seats FROM shop.accounts ORDER BY id") == [
        ["g1", "Initech", 7],
        ["g2", None, None],
    ]


def test_a_users_table_without_its_rows_is_filled_again(target):
    target.load(identify("m1", 10, plan="free"))
    target.change("DELETE FROM shop.users")
    target.load(identify("m2", 20, email="a@b.test"))
    assert target.rows("SELECT id, plan, email FROM shop.users") == [["u1", None, "a@b.test"]]
