"""Every call of each real client: rows, columns and types in the warehouse, message id for message id."""

import pytest
from real_clients import NODE, PYTHON

COUNT = 12
"""Of each call."""
TABLES = {
    "track": "tracks",
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}
EVERY_TYPE = {
    "orderId": "o-1",
    "quantity": 3,
    "total": 27.5,
    "isGift": True,
    "coupon": None,
    "note": "",
    "shippedAt": {"$date": "2030-01-02T10:00:00.250+00:00"},
    "products": [{"sku": "A", "price": 1.5}, {"sku": "B"}],
    "address": {"city": "Århus", "geo": {"lat": 56.15}},
}
COLUMNS = {
    "order_id": "VARCHAR",
    "quantity": "BIGINT",
    "total": "DOUBLE",
    "is_gift": "BOOLEAN",
    "note": "VARCHAR",
    "shipped_at": "TIMESTAMP",
    "products": "VARCHAR",
    "address_city": "VARCHAR",
    "address_geo_lat": "DOUBLE",
    "id": "VARCHAR",
    "event": "VARCHAR",
    "event_text": "VARCHAR",
    "user_id": "VARCHAR",
    "anonymous_id": "VARCHAR",
    "context_library_name": "VARCHAR",
    "context_library_version": "VARCHAR",
    "context_locale": "VARCHAR",
    "context_app_version": "VARCHAR",
    "original_timestamp": "TIMESTAMP",
    "sent_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
}
CONTEXT = {"locale": "da-DK", "app": {"version": "1.2"}}


def calls(name):
    """One call of each kind in turn, then tracks that are odd in one way each."""
    made = []
    for number in range(COUNT):
        user = f"user-{number % 3}"
        made += [
            {"type": "track", "userId": user, "event": "Order Completed", "properties": EVERY_TYPE, "context": CONTEXT},
            {"type": "identify", "userId": user, "traits": {"email": f"{user}@example.test", "logins": number}},
            {"type": "page", "userId": user, "category": "docs", "name": "Home", "properties": {"path": "/"}},
            {"type": "screen", "userId": user, "category": "app", "name": "Start", "properties": {"tab": number}},
            {"type": "group", "userId": user, "groupId": "g-1", "traits": {"name": "Initech", "employees": 329}},
            {"type": "alias", "previousId": f"anonymous-{number}", "userId": user},
        ]
    at = {"$date": "2029-05-01T00:00:00+00:00"}
    return [
        *made,
        {"type": "track", "anonymousId": "a-1", "event": "Nameless Visit", "properties": {}},
        {"type": "track", "userId": "user-1", "event": "Old Order", "properties": {}, "timestamp": at},
        {"type": "track", "userId": "user-1", "event": "Quiet Order", "integrations": {"All": False}, "properties": {}},
        {"type": "track", "userId": "user-1", "event": "Own Id", "properties": {}, "messageId": f"order-77-{name}"},
    ]


@pytest.fixture(
    scope="module",
    params=[
        (PYTHON, "python-plain", {}),
        (PYTHON, "python-gzip", {"gzip": True}),
        (PYTHON, "python-sync", {"sync_mode": True}),
        (NODE, "node", {}),
        (NODE, "node-single", {"flushAt": 1}),
    ],
    ids=lambda param: param[1],
)
def sent(request, stage):
    client, slug, settings = request.param
    ran = client.run(stage.instance.url, stage.key(slug), calls(slug.replace("-", "_")), **settings)
    assert ran.failed == []
    stage.instance.sync()
    return client, slug.replace("-", "_"), ran, stage.instance


def test_every_table_holds_its_events_once(sent):
    _, schema, ran, instance = sent
    assert len(ran.handed) == len(calls(schema))
    for event_type, table in TABLES.items():
        wanted = sorted(message["messageId"] for message in ran.handed if message["type"] == event_type)
        assert wanted
        assert sorted(row["id"] for row in instance.sql(f"select id from {schema}.{table}")) == wanted, table


def test_each_property_has_the_column_and_the_type_of_its_value(sent):
    _, schema, _, instance = sent
    statement = (
        "select column_name as name, data_type as type from information_schema.columns "
        f"where table_schema = '{schema}' and table_name = 'order_completed'"
    )
    columns = {row["name"]: row["type"] for row in instance.sql(statement)}
    assert {name: columns.get(name) for name in COLUMNS} == COLUMNS
    assert "coupon" not in columns


def test_each_value_is_the_one_that_was_sent(sent):
    client, schema, _, instance = sent
    columns = (
        "order_id, quantity, total, is_gift, note, address_city, address_geo_lat, context_locale, context_app_version, "
        "epoch_ms(shipped_at) as shipped, json(products)::varchar as products, context_library_name as library"
    )
    rows = instance.sql(f"select distinct {columns} from {schema}.order_completed")
    assert rows == [
        {
            "order_id": "o-1",
            "quantity": 3,
            "total": 27.5,
            "is_gift": True,
            "note": "",
            "address_city": "Århus",
            "address_geo_lat": 56.15,
            "context_locale": "da-DK",
            "context_app_version": "1.2",
            "shipped": 1893578400250,
            "products": '[{"sku":"A","price":1.5},{"sku":"B"}]',
            "library": client.library,
        }
    ]


def test_users_and_groups_hold_the_latest_traits(sent):
    _, schema, _, instance = sent
    users = instance.sql(f"select id, email, logins from {schema}.users order by id")
    assert users == [
        {"id": f"user-{user}", "email": f"user-{user}@example.test", "logins": COUNT - 3 + user} for user in range(3)
    ]
    groups = instance.sql(f"select id, name, employees from {schema}.accounts")
    assert groups == [{"id": "g-1", "name": "Initech", "employees": 329}]
    pages = instance.sql(f"select distinct name, category, path from {schema}.pages")
    assert pages == [{"name": "Home", "category": "docs", "path": "/"}]
    screens = instance.sql(f"select distinct name, category from {schema}.screens")
    assert screens == [{"name": "Start", "category": "app"}]
    aliases = instance.sql(f"select previous_id from {schema}.aliases order by previous_id")
    assert [row["previous_id"] for row in aliases] == sorted(f"anonymous-{number}" for number in range(COUNT))


def test_odd_calls_arrive_as_they_were_meant(sent):
    _, schema, _, instance = sent
    assert instance.sql(f"select anonymous_id, user_id from {schema}.nameless_visit") == [
        {"anonymous_id": "a-1", "user_id": None}
    ]
    old = instance.sql(
        f"select year(original_timestamp) as original, year(timestamp) as year, received_at > '2025-01-01' as now "
        f"from {schema}.old_order"
    )
    assert old == [{"original": 2029, "year": 2029, "now": True}]
    assert len(instance.sql(f"select id from {schema}.quiet_order")) == 1
    own = instance.sql(f"select id from {schema}.own_id")
    assert own == [{"id": f"order-77-{schema}"}]
