"""What an operator sees: health, readiness with reasons, metrics, status, and the warehouse's commands."""

import os
import signal

import httpx
import pytest

from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import is_healthy
from penstock.testing.sender import sender, track
from penstock.testing.setup import create_source

ENDLESS = "select count(*) from range(10000000000) a, range(10000000000) b"


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    settings = {"PENSTOCK_SQL_SECONDS": "1.5", "PENSTOCK_SQL_ROWS": "20", "PENSTOCK_WAREHOUSE_IDLE_SECONDS": "1"}
    with Instance(tmp_path_factory.mktemp("status") / "data", settings) as running:
        with running.api() as api:
            source = create_source(api, "shop")
        with sender(running.url, source["writeKeys"][0]) as send:
            send.batch(track(f"m-{number}") for number in range(50))
        running.sync()
        yield running


@pytest.fixture
def client(instance):
    with httpx.Client(base_url=instance.url, timeout=15) as client:
        yield client


def test_health_readiness_and_the_metrics_of_the_edge_need_no_token(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"ready": True, "reasons": []}
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "penstock_edge_events_total 50" in metrics.text.splitlines()


def test_the_metrics_of_all_roles_need_a_token(client, instance):
    assert client.get("/penstock/metrics").status_code == 401
    answer = client.get("/penstock/metrics", headers={"Authorization": f"Bearer {instance.ready['token']}"})
    assert answer.status_code == 200
    for role in ("control", "edge", "engine", "warehousing"):
        assert f'penstock_role_ready{{role="{role}"}} 1' in answer.text


def test_control_tells_what_it_has_published_and_what_waits_for_that(client, instance):
    headers = {"Authorization": f"Bearer {instance.ready['token']}"}

    def control():
        roles = client.get("/penstock/status", headers=headers).json()["roles"]
        return next(role for role in roles if role["role"] == "control")

    before = wait_until(lambda: (told := control())["lag"] == {"changes": 0} and told, 60, "nothing that waits")
    with instance.api() as api:
        create_source(api, "told")
    assert control()["counts"]["published"] > before["counts"]["published"]


def test_without_the_log_engine_it_is_alive_and_not_ready_and_says_why(client, instance):
    pid = instance.pid_of("log")
    os.kill(pid, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        answer = wait_until(lambda: not_ready(client), 60, "an edge that is not ready")
        assert answer == {"ready": False, "reasons": ["the log engine is not connected"]}
        assert client.get("/healthz").status_code == 200
    finally:
        wait_until(lambda: client.get("/readyz").status_code == 200, 60, "an edge that is ready again")
    wait_until(lambda: is_healthy(instance), 60, "a healthy tree")


def not_ready(client):
    answer = client.get("/readyz")
    return answer.json() if answer.status_code == 503 else None


def test_status_names_the_role_that_is_down_and_ends_with_one(instance):
    pid = instance.pid_of("warehousing")
    os.kill(pid, signal.SIGSTOP)
    try:
        shown = instance.command("status", check=False)
        assert shown.returncode == 1
        assert '"warehousing", "state": "down"' in shown.stdout
        with instance.api() as api:
            refused = api.post("/penstock/sql", json={"statement": "select 1", "secondsLimit": 0.5})
            assert refused.status_code == 503
            assert "warehousing" in refused.text
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: is_healthy(instance), 60, "a healthy tree")


class TestSql:
    def test_an_endless_query_is_ended_within_its_limit_and_the_role_goes_on(self, instance):
        refused = instance.command("sql", ENDLESS, check=False)
        assert refused.returncode == 1
        assert "1.5" in refused.stderr
        assert instance.sql("select count(*) as n from shop.tracks") == [{"n": 50}]

    def test_rows_are_cut_at_the_limit_and_the_command_says_so(self, instance):
        shown = instance.command("sql", "--csv", "select id from shop.tracks")
        assert len(shown.stdout.splitlines()) == 21
        assert "only the first 20 rows" in shown.stderr

    @pytest.mark.parametrize(
        "statement",
        [
            "drop table shop.tracks",
            "insert into shop.tracks (id) values ('x')",
            "create table t (a int)",
            "copy shop.tracks to '/tmp/penstock-never'",
            "select * from read_text('/etc/passwd')",
            "attach ':memory:' as other",
            "install httpfs",
            "set memory_limit='8GB'",
            "select 1; drop table shop.tracks",
        ],
    )
    def test_what_is_not_a_read_of_the_warehouse_is_refused(self, instance, statement):
        body = {"statement": statement, "rowLimit": 5, "secondsLimit": 5}
        with instance.api() as api:
            answer = api.post("/penstock/sql", json=body)
        assert answer.status_code != 200 or answer.json()["error"], answer.text
        assert instance.sql("select count(*) as n from shop.tracks") == [{"n": 50}]


def test_without_an_instance_sql_reads_the_file_and_sync_and_status_say_so(instance):
    """The last test of the module: it stops the instance."""
    assert instance.stop() == 0
    shown = instance.command("sql", "--csv", "select count(*) as n from shop.tracks")
    assert shown.stdout == "n\n50\n"
    for command in ("sync", "status"):
        refused = instance.command(command, check=False)
        assert refused.returncode == 1
        assert f"no Penstock runs on {instance.data}" in refused.stderr
    endless = instance.command("sql", ENDLESS, check=False)
    assert endless.returncode == 1
    refused = instance.command("sql", "drop table shop.tracks", check=False)
    assert refused.returncode == 1
