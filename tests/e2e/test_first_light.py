import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.receiver import Receiver
from penstock.testing.setup import connect_webhook, create_source

SENDER = Path(__file__).with_name("python_sdk_sender.py")
COUNT = 550


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """550 events of an unmodified SDK, sent to a fresh instance with a webhook and synced into the warehouse."""
    data = tmp_path_factory.mktemp("first-light") / "data"
    with Receiver() as receiver, Instance(data) as instance, instance.api() as api:
        source = create_source(api, "shop")
        connect_webhook(api, source["id"], receiver.url + "/hook")
        command = [sys.executable, str(SENDER), instance.url, source["writeKeys"][0], str(COUNT)]
        output = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert output.returncode == 0, output.stderr
        messages = [json.loads(line) for line in output.stdout.splitlines()]
        wait_until(lambda: len(receiver.requests) >= COUNT, 60, f"{COUNT} requests at the webhook")
        instance.sync()
        yield messages, receiver.requests, instance, source


class TestWebhook:
    def test_each_event_arrives_once_with_its_own_body(self, sent):
        messages, requests, _, source = sent
        bodies = {body["messageId"]: body for body in (request.json() for request in requests)}
        assert set(bodies) == {message["messageId"] for message in messages}
        assert len(requests) == COUNT
        for message in messages:
            body = bodies[message["messageId"]]
            assert body["type"] == message["type"]
            assert body["projectId"] == source["id"]
            assert body["channel"] == "server"
            assert body["version"] == 2
            assert body["context"]["library"]["name"] == "analytics-python"
            assert body["receivedAt"].endswith("Z")
            assert "writeKey" not in body

    def test_properties_and_traits_arrive_as_sent(self, sent):
        _, requests, _, _ = sent
        orders = [body for body in (request.json() for request in requests) if body.get("event") == "Order Completed"]
        assert {type(order["properties"]["total"]) for order in orders} == {float}
        assert all(order["properties"]["orderId"] == f"o-{order['properties']['n']}" for order in orders)


class TestWarehouse:
    TABLES = {
        "track": "tracks",
        "identify": "identifies",
        "page": "pages",
        "screen": "screens",
        "group": "groups",
        "alias": "aliases",
    }

    def test_every_table_holds_its_events_once(self, sent):
        messages, _, instance, _ = sent
        for event_type, table in self.TABLES.items():
            wanted = Counter(message["messageId"] for message in messages if message["type"] == event_type)
            rows = instance.sql(f"select id from shop.{table}")
            assert Counter(row["id"] for row in rows) == wanted, table

    def test_event_tables_have_the_columns_and_types_of_their_properties(self, sent):
        _, _, instance, _ = sent
        statement = (
            "select column_name as name, data_type as type from information_schema.columns "
            "where table_schema = 'shop' and table_name = 'order_completed'"
        )
        columns = {row["name"]: row["type"] for row in instance.sql(statement)}
        assert {name: columns[name] for name in ("id", "total", "order_id", "n", "event", "event_text", "user_id")} == {
            "id": "VARCHAR",
            "total": "DOUBLE",
            "order_id": "VARCHAR",
            "n": "BIGINT",
            "event": "VARCHAR",
            "event_text": "VARCHAR",
            "user_id": "VARCHAR",
        }
        assert columns["received_at"].startswith("TIMESTAMP")

    def test_a_date_property_is_a_timestamp(self, sent):
        _, _, instance, _ = sent
        rows = instance.sql(
            "select distinct typeof(signed_up_at) as type, signed_up_at::varchar as value from shop.signed_up"
        )
        assert len(rows) == 1
        assert rows[0]["type"].startswith("TIMESTAMP")
        assert rows[0]["value"].startswith("2024-05-01 00:00:00")

    def test_users_holds_the_latest_traits_of_each_user(self, sent):
        _, _, instance, _ = sent
        rows = instance.sql(
            "select u.id, u.email, u.logins, latest.logins as wanted from shop.users u join "
            "(select user_id, max(logins) as logins from shop.identifies group by 1) latest on latest.user_id = u.id"
        )
        assert rows
        assert all(row["logins"] == row["wanted"] and row["email"] == f"{row['id']}@example.test" for row in rows)

    def test_accounts_holds_one_row_per_group(self, sent):
        _, _, instance, _ = sent
        rows = instance.sql("select id, name, employee_count from shop.accounts")
        assert rows == [{"id": "group-1", "name": "Initech", "employee_count": 329}]


class TestCommands:
    def test_sql_prints_json_and_csv_in_a_pipe(self, sent):
        _, _, instance, _ = sent
        statement = "select id, name from shop.accounts"
        assert json.loads(instance.command("sql", statement).stdout) == [{"id": "group-1", "name": "Initech"}]
        assert instance.command("sql", "--csv", statement).stdout == "id,name\ngroup-1,Initech\n"

    def test_a_statement_that_writes_is_refused(self, sent):
        _, _, instance, _ = sent
        refused = instance.command("sql", "drop table shop.tracks", check=False)
        assert refused.returncode == 1
        assert "penstock:" in refused.stderr
        assert instance.sql("select count(*) as n from shop.tracks")[0]["n"] > 0

    def test_status_shows_every_role_and_says_healthy_by_its_exit_code(self, sent):
        _, _, instance, _ = sent
        shown = instance.command("status")
        assert shown.returncode == 0
        answer = json.loads(shown.stdout)
        assert {role["role"] for role in answer["roles"]} == {"control", "edge", "engine", "warehousing"}
        assert all(role["state"] == "ready" for role in answer["roles"])

    def test_a_second_start_on_the_same_directory_is_refused_with_the_pid(self, sent):
        _, _, instance, _ = sent
        refused = instance.command("up", "--port", "0", check=False)
        assert refused.returncode == 1
        assert str(instance.pid) in refused.stderr
