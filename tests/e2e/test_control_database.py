"""The control database in Postgres under a whole tree, killed between commit and publish, and under two API processes."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotView
from penstock.kit.ports import free_port
from penstock.testing.instance import Instance, kill, wait_until
from penstock.testing.lone_role import LoneRole
from penstock.testing.nats_cluster import Node
from penstock.testing.observing import is_healthy, wait_for_finals
from penstock.testing.receiver import Receiver
from penstock.testing.routed_log import log_address
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def url(postgres_server):
    return postgres_server.url(postgres_server.database())


@pytest.fixture(scope="module")
def instance(tmp_path_factory, url):
    folder = tmp_path_factory.mktemp("postgres")
    faults = folder / "faults"
    faults.mkdir()
    settings = {"PENSTOCK_DATABASE_URL": url, "PENSTOCK_FAULTS_DIR": str(faults)}
    with Instance(folder / "data", settings) as running:
        running.faults = faults
        yield running


def published_sources(address):
    """What the data plane reads of every source: (name, version)."""

    async def read():
        log = await Log.connect(address[0], token=address[1], name="test")
        view = await SnapshotView.open(log)
        try:
            return {source.id: (source.name, source.version) for source in view.sources.values()}
        finally:
            await view.close()
            await log.close()

    return asyncio.run(read())


def deliver(instance, receiver, slug):
    """A new source with a webhook, and an event that arrives there and in the warehouse, and is counted."""
    with instance.api() as api:
        source = create_source(api, slug)
        destination = connect_webhook(api, source["id"], f"{receiver.url}/{slug}")
    with sender(instance.url, source["writeKeys"][0]) as send:
        send.send(track(slug))
    wait_until(lambda: [each for each in receiver.requests if each.path == f"/{slug}"], 60, "the event at the webhook")
    found = wait_for_finals(instance, destination["id"], 1)
    assert {outcome: count for (outcome, _), count in found.items()} == {"SUCCESSFUL_DELIVERY": 1}
    instance.sync()
    assert instance.sql(f"select id from {slug}.tracks") == [{"id": slug}]


def test_events_flow_with_postgres_and_the_data_directory_holds_no_database(instance, receiver):
    deliver(instance, receiver, "shop")
    assert list(instance.data.glob("control.sqlite*")) == []


def test_a_kill_between_commit_and_publish_leaves_a_snapshot_that_is_repaired_at_start(instance, receiver):
    address = log_address(instance.pid_of("engine"))
    with instance.api() as api:
        source = create_source(api, "repaired")
    assert published_sources(address)[source["id"]] == ("repaired", 1)
    (instance.faults / "publisher.before_publish").write_text("stop")

    def rename():
        try:
            with instance.api() as api:
                api.patch(f"/sources/{source['id']}", json={"name": "Renamed"})
        except httpx.HTTPError:
            return  # the kill takes the answer with it

    asking = threading.Thread(target=rename)
    asking.start()
    report = wait_until(lambda: next(instance.faults.glob("publisher.before_publish.*"), None), 60, "a stop")
    assert published_sources(address)[source["id"]] == ("repaired", 1)
    kill(int(report.suffix[1:]))
    report.unlink()
    asking.join(40)
    wait_until(lambda: is_healthy(instance), 90, "a healthy tree")
    assert published_sources(address)[source["id"]] == ("Renamed", 2)


def test_while_postgres_cuts_every_connection_off_nothing_ends_and_all_goes_on(
    instance, receiver, postgres_server, url
):
    name = url.rpartition("/")[2]
    control = instance.pid_of("control")
    with postgres_server.connect("postgres") as connection:
        for _ in range(5):
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            with instance.api() as api:
                assert api.get("/sources").status_code in (200, 503)
    deliver(instance, receiver, "after")
    assert instance.pid_of("control") == control


def one_of(folder, common):
    """An API process with faults of its own."""
    faults = folder / "faults"
    faults.mkdir(parents=True)
    role = LoneRole("control", folder / "data", folder, environment=common | {"PENSTOCK_FAULTS_DIR": str(faults)})
    role.faults = faults
    return role


@pytest.fixture(scope="module")
def apis(tmp_path_factory, postgres_server):
    """Two API processes on one Postgres and one log, with clients of both."""
    folder = tmp_path_factory.mktemp("apis")
    node = Node("apis", folder / "node", (free_port(), free_port(), free_port()))
    node.configure("", [], cluster=None, authorization={"user": "pen", "password": "hush"})
    node.start()
    wait_until(node.is_healthy, 60, "a healthy server")
    common = {
        "PENSTOCK_NATS_URL": node.url.replace("//", "//pen:hush@"),
        "PENSTOCK_NATS_MONITORING": node.monitoring_url,
        "PENSTOCK_DATABASE_URL": postgres_server.url(postgres_server.database()),
        "PENSTOCK_SECRET_KEY": "the same for both",
        "PENSTOCK_API_RATE_FACTOR": "0",
        "PENSTOCK_PORT": "0",
    }
    with ExitStack() as stack:
        roles = [one_of(folder / f"control-{number}", common) for number in range(2)]
        with ThreadPoolExecutor() as starting:
            for started in [starting.submit(stack.enter_context, role) for role in roles]:
                started.result()
        clients = [
            stack.enter_context(
                httpx.Client(base_url=role.url, headers={"Authorization": f"Bearer {role.ready['token']}"}, timeout=30)
            )
            for role in roles
        ]
        yield roles, clients, (common["PENSTOCK_NATS_URL"], "")
    node.kill()


def test_two_that_start_at_once_on_an_empty_database_make_one_workspace(apis):
    roles, clients, _ = apis
    assert roles[0].ready["token"] == roles[1].ready["token"]
    assert [data_of(client.get("/workspace"))["workspace"]["id"] for client in clients] == [
        data_of(clients[0].get("/workspace"))["workspace"]["id"]
    ] * 2


def test_two_clients_that_change_one_source_through_two_processes_lose_nothing(apis):
    _, clients, address = apis
    source = create_source(clients[0], "contended")
    path, changes = f"/sources/{source['id']}", 20

    def change(number):
        """Every client sets keys of its own, and one of the fields that both leave to each other."""
        for step in range(changes):
            body = {"settings": {f"k{number}-{step}": step}} | ({"name": f"n{step}"} if number else {"enabled": False})
            assert clients[number].patch(path, json=body).status_code == 200

    with ThreadPoolExecutor() as working:
        for one in [working.submit(change, number) for number in range(2)]:
            one.result()
    found = [data_of(client.get(path))["source"] for client in clients]
    assert found[0] == found[1]
    assert found[0]["settings"] == {f"k{number}-{step}": step for number in range(2) for step in range(changes)}
    assert (found[0]["name"], found[0]["enabled"]) == (f"n{changes - 1}", False)
    assert published_sources(address)[source["id"]] == (f"n{changes - 1}", 1 + 2 * changes)


def test_two_processes_never_publish_old_over_new(apis):
    """One is late with a change that it has read from the outbox; what the other published meanwhile stands."""
    roles, clients, address = apis
    source = create_source(clients[0], "overtaken")
    path = f"/sources/{source['id']}"
    late = roles[0].faults / "publisher.before_publish"
    late.write_text("hold")
    with ThreadPoolExecutor() as working:
        old = working.submit(clients[0].patch, path, json={"name": "old"})
        wait_until(lambda: data_of(clients[1].get(path))["source"]["name"] == "old", 60, "the first change in force")
        assert clients[1].patch(path, json={"name": "new"}).status_code == 200
        late.unlink()
        assert published_sources(address)[source["id"]] == ("new", 3)
        assert old.result().status_code == 200
    wait_until(lambda: "A newer snapshot stands there already." in roles[0].log(), 60, "the late publisher's try")
    assert published_sources(address)[source["id"]] == ("new", 3)
