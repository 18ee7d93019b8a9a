import httpx
import pytest

from penstock.infra.calls import CallClient, CallFailed, CallServer, Streams
from penstock.resources.application import build_application
from penstock.resources.installation import FirstRunKeys, Installation
from penstock.resources.installation.status import Status, metrics_text
from penstock.spec.calls import QueryResult, QueryWarehouse, RoleStatus, StatusReport, SyncReport, SyncWarehouses

LOCAL = "local"
OWN = StatusReport("control", "ready", [], 1, 2)


@pytest.fixture
async def ask(control, log, tmp_path):
    keys = FirstRunKeys("tok", "key")
    installation = Installation(control.database, CallClient(log), tmp_path, "local", lambda: OWN, keys, Streams(log))
    transport = httpx.ASGITransport(build_application(control.api, installation.routes()))

    async def answer(method, path, body=None, token=LOCAL):
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            return await client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

    return answer


@pytest.fixture
async def roles(log):
    """All other roles, ready."""
    servers = [CallServer(log, role) for role in ("edge", "engine", "warehousing")]
    for server, role in zip(servers, ("edge", "engine", "warehousing"), strict=True):
        room = {"disk": {"level": "plenty", "free": 90, "total": 100, "mark": 9}} if role != "warehousing" else {}
        report = StatusReport(role, "ready", [], 3, 4, {"ROUTED-0": 7}, {"received": 5}, room)
        await server.answer(RoleStatus, lambda _, report=report: _value(report))
    yield servers
    for server in servers:
        await server.close()


async def _value(value):
    return value


@pytest.mark.one_database
async def test_a_role_that_does_not_answer_is_named_as_down(ask, database_kind):
    status = (await ask("GET", "/penstock/status")).json()
    assert not status["healthy"]
    assert {role["role"]: role["state"] for role in status["roles"]} == {
        "control": "ready",
        "edge": "down",
        "engine": "down",
        "warehousing": "down",
    }
    assert (status["disk"].get("control.sqlite", 0) > 0) == (database_kind == "sqlite")


async def test_all_roles_ready_is_healthy_and_their_counters_are_metrics(ask, roles):
    assert (await ask("GET", "/penstock/status")).json()["healthy"]
    text = (await ask("GET", "/penstock/metrics")).text
    assert 'penstock_role_ready{role="engine"} 1' in text
    assert 'penstock_count{role="edge",name="received"} 5' in text
    assert 'penstock_lag{role="engine",stream="ROUTED-0"} 7' in text
    assert 'penstock_disk_free_bytes{role="edge"} 90' in text
    assert 'penstock_disk_mark_bytes{role="engine"} 9' in text
    assert 'bytes{role="warehousing"}' not in text


def test_of_several_processes_the_one_with_the_least_room_counts():
    def edge(free):
        return StatusReport("edge", "ready", [], 3, 4, details={"disk": {"free": free, "mark": 9}})

    text = metrics_text(Status(True, [edge(50), edge(40), edge(60)], {}))
    assert 'penstock_disk_free_bytes{role="edge"} 40\n' in text


async def test_a_call_to_a_role_that_is_down_is_503_and_names_it(ask):
    for path, body in (("/penstock/sync", {}), ("/penstock/sql", {"statement": "select 1"})):
        answer = await ask("POST", path, body)
        assert answer.status_code == 503
        assert "warehousing" in answer.json()["errors"][0]["message"]


async def test_sync_and_queries_are_asked_of_warehousing(ask, roles):
    async def query(call):
        if call.statement == "bad":
            raise CallFailed("bad_statement", "no such table")
        return QueryResult(["a"], ["INTEGER"], [[call.row_limit]], False)

    await roles[2].answer(SyncWarehouses, lambda call: _value(SyncReport(1, 2, {call.warehouse_id: "x"})))
    await roles[2].answer(QueryWarehouse, query)
    assert (await ask("POST", "/penstock/sync", {"warehouseId": "w"})).json() == {
        "rows": 1,
        "events": 2,
        "errors": {"w": "x"},
    }
    body = {"statement": "select 1", "rowLimit": 5, "secondsLimit": 2}
    assert (await ask("POST", "/penstock/sql", body)).json()["rows"] == [[5]]
    refused = await ask("POST", "/penstock/sql", body | {"statement": "bad"})
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (400, "no such table")


@pytest.mark.parametrize("body", [{}, {"statement": 1}, {"statement": "x", "extra": 1}])
async def test_a_body_that_does_not_fit_is_refused(ask, body):
    assert (await ask("POST", "/penstock/sql", body)).status_code == 400


async def test_the_keys_of_the_first_run_are_for_the_local_token_alone(ask, control):
    assert (await ask("GET", "/penstock/first-run")).json() == {"token": "tok", "writeKey": "key"}
    assert (await ask("GET", "/penstock/first-run", token=control.first_run.token)).status_code == 403
    assert (await ask("GET", "/penstock/first-run", token="guess")).status_code == 401


async def test_outcomes_are_told_by_the_dimensions_that_are_asked_for(ask, control):
    empty = (await ask("GET", "/penstock/outcomes?by=outcome,reason&source_id=x", token=control.first_run.token)).json()
    assert empty == {"outcomes": [], "watermarks": {}}
    assert (await ask("GET", "/penstock/outcomes?by=nothing")).status_code == 400
    weak = (await control.token_with("source:read")).removeprefix("Bearer ")
    assert (await ask("GET", "/penstock/outcomes", token=weak)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/penstock/sql"), ("POST", "/penstock/sync"), ("GET", "/penstock/status"), ("GET", "/penstock/metrics")],
)
async def test_the_owner_of_a_workspace_does_not_reach_what_stands_above_workspaces(ask, control, method, path):
    owner = (await control.token_with("*", workspace_id="another")).removeprefix("Bearer ")
    answer = await ask(method, path, {"statement": "select 1"} if path.endswith("sql") else None, token=owner)
    assert answer.status_code == 403
