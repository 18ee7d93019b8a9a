"""A server that is not ours: how one gets in, and what is refused with the line to change."""

import pytest

from penstock.infra.log import Log, LogRefused, LogUnavailable
from penstock.infra.log.installation import prepare
from penstock.infra.log.servers import Servers, shown
from penstock.kit.ports import free_port
from penstock.testing.certificates import self_signed
from penstock.testing.instance import wait_until
from penstock.testing.nats_cluster import Node


@pytest.fixture
def node(tmp_path):
    """Starts one node without a cluster, with the changes to its configuration that a test wants."""
    started = []

    def start(**changes):
        node = Node("alone", tmp_path / "node", (free_port(), free_port(), free_port()))
        node.configure("let-me-in", [], **{"cluster": None} | changes)
        node.start()
        started.append(node)
        wait_until(lambda: node.ask("/varz"), 60, "a server")
        return node

    yield start
    for node in started:
        node.kill()


async def refusal(node, **asked):
    """What `prepare` says of the node."""
    log = await Log.connect(node.url, token="let-me-in")
    try:
        with pytest.raises(LogRefused) as caught:
            await prepare(log, 1, patience=1.0, **asked)
    finally:
        await log.close()
    return str(caught.value)


async def said_to(node, user):
    """What `prepare` says to a user of the node, whose account must be allowed to store 2 GiB."""
    log = await Log.connect(node.url.replace("//", f"//{user}:q@"))
    try:
        with pytest.raises(LogRefused) as caught:
            await prepare(log, 1, patience=0.5, least_storage=2 << 30)
    finally:
        await log.close()
    return str(caught.value)


class TestWhatIsRefused:
    async def test_no_jetstream(self, node):
        assert "set `jetstream {" in await refusal(node(jetstream=None))

    async def test_too_small_messages(self, node):
        assert "set `max_payload: 8388608`" in await refusal(node(max_payload=1 << 20))

    async def test_an_answer_before_data_is_on_disk(self, node, tmp_path):
        running = node(jetstream={"store_dir": str(tmp_path / "store")})
        assert "set `jetstream { sync_interval: always }`" in await refusal(
            running, monitoring=[running.monitoring_url]
        )

    async def test_a_monitoring_address_that_does_not_answer(self, node):
        address = f"http://127.0.0.1:{free_port()}"
        assert f"{address} does not answer" in await refusal(node(), monitoring=[address])

    async def test_replicas_without_a_cluster(self, node):
        told = await refusal(node(), replicas=3)
        assert "set `cluster {" in told
        assert "PENSTOCK_NATS_REPLICAS=1" in told

    async def test_an_account_without_file_storage(self, node):
        accounts = {
            "P": {"users": [{"user": "p", "password": "q"}], "jetstream": {"max_memory": 1 << 20, "max_file": 0}}
        }
        running = node(authorization=None, accounts=accounts)
        log = await Log.connect(running.url.replace("//", "//p:q@"))
        with pytest.raises(LogRefused, match="set `jetstream: { max_file: 100G }`"):
            await prepare(log, 1, patience=1.0)
        await log.close()

    async def test_an_account_that_allows_too_little(self, node):
        allowed = {
            "few": {"max_file": 8 << 30, "max_streams": 5},
            "little": {"max_file": 1 << 30},
            "bound": {"max_file": 8 << 30, "disk_max_stream_bytes": 1 << 20},
        }
        denied = {
            "made": {"publish": {"deny": ["$JS.API.STREAM.CREATE.>"]}},
            "written": {"publish": {"deny": ["_INBOX.>"]}},
            "heard": {"subscribe": {"deny": ["_INBOX.>"]}},
        }
        users = {name: {"user": name, "password": "q"} for name in (*allowed, *denied)}
        accounts = {name: {"users": [users[name]], "jetstream": limits} for name, limits in allowed.items()}
        accounts |= {
            name: {"users": [users[name] | {"permissions": each}], "jetstream": {"max_file": 8 << 30}}
            for name, each in denied.items()
        }
        running = node(authorization=None, accounts=accounts)
        assert await said_to(running, "few") == (
            "the account may not have as many streams as are needed: set `jetstream: { max_streams: 6 }` in the "
            "account, or more where others have some there"
        )
        assert await said_to(running, "little") == (
            "the account may store 1024 MiB, and with less than 2048 MiB free the log counts as full: set "
            "`jetstream: { max_file: 100G }`, or PENSTOCK_LOW_DISK_MEGABYTES lower"
        )
        assert "take `disk_max_stream_bytes` out of the account" in await said_to(running, "bound")
        assert "not let this user publish to `$JS.API.STREAM.CREATE.DELIVERY-0`" in await said_to(running, "made")
        for user, what in (("written", "publish"), ("heard", "subscribe")):
            with pytest.raises(LogRefused, match=f"{what} to `_INBOX.>`: allow it in its permissions"):
                await Log.connect(running.url.replace("//", f"//{user}:q@"))

    async def test_a_node_that_takes_too_little(self, node, tmp_path):
        limits = {"store_dir": str(tmp_path / "store"), "sync_interval": "always", "max_file_store": 1 << 30}
        running = node(jetstream=limits | {"limits": {"batch": {"max_msgs": 10}}})
        told = await refusal(running, monitoring=[running.monitoring_url], least_storage=1 << 30)
        assert "set `jetstream { max_file_store: 100G }`" in told
        told = await refusal(running, monitoring=[running.monitoring_url], least_storage=(1 << 30) - 1)
        assert "set `jetstream { limits { batch { max_msgs: 1000 } } }`" in told

    async def test_fewer_shards_than_the_log_has(self, node):
        running = node()
        log = await Log.connect(running.url, token="let-me-in")
        await prepare(log, 3)
        await prepare(log, 3)
        await log.close()
        assert "set PENSTOCK_SHARDS=3" in await refusal(running)

    async def test_more_shards_than_the_log_has_by_a_role_that_must_not_add_any(self, node):
        running = node()
        log = await Log.connect(running.url, token="let-me-in")
        await prepare(log, 2, may_grow=False)
        with pytest.raises(LogRefused, match="set PENSTOCK_SHARDS=2"):
            await prepare(log, 3, may_grow=False, patience=1.0)
        await prepare(log, 3)
        await log.close()


class TestTheWayIn:
    async def test_a_good_server_is_prepared(self, node):
        running = node()
        log = await Log.connect(running.url, token="let-me-in")
        await prepare(log, 1, monitoring=[running.monitoring_url])
        assert "KV_snapshots" in await log.stream_names()
        await log.close()

    async def test_user_and_password_in_the_url(self, node):
        running = node(authorization={"user": "pen", "password": "s3cret"})
        log = await Log.connect(running.url.replace("//", "//pen:s3cret@"))
        await prepare(log, 1)
        await log.close()

    async def test_a_wrong_password_is_refused_at_once_and_not_shown(self, node):
        running = node(authorization={"user": "pen", "password": "s3cret"})
        with pytest.raises(LogRefused) as caught:
            await Log.connect(running.url.replace("//", "//pen:hush@"))
        assert "hush" not in str(caught.value)
        assert str(running.port) in str(caught.value)

    async def test_tls_with_an_authority_of_ones_own(self, node, tmp_path):
        certificate, key = self_signed(tmp_path)
        running = node(tls={"cert_file": str(certificate), "key_file": str(key)})
        url = running.url.replace("nats:", "tls:")
        log = await Log.connect(url, token="let-me-in", certificate_authority=str(certificate))
        await prepare(log, 1)
        await log.close()
        with pytest.raises(LogRefused, match="certificate verify failed"):
            await Log.connect(url, token="let-me-in")
        with pytest.raises(LogRefused, match="PENSTOCK_NATS_CERTIFICATE_AUTHORITY"):
            await Log.connect(url, token="let-me-in", certificate_authority=str(tmp_path / "nothing.pem"))

    async def test_a_server_that_is_down_is_passed_over(self, node):
        running = node()
        for _ in range(4):
            log = await Log.connect(f"nats://127.0.0.1:{free_port()}, {running.url}", token="let-me-in", seconds=3)
            await log.close()

    async def test_none_that_answers_is_unavailable_and_named_without_credentials(self):
        port = free_port()
        with pytest.raises(LogUnavailable) as caught:
            await Log.connect(f"nats://u:hush@127.0.0.1:{port}", seconds=0.2)
        assert str(port) in str(caught.value)
        assert "hush" not in str(caught.value)


class TestAddresses:
    @pytest.mark.parametrize("url", ["http://h:1", "h:4222", "nats://", "nats://h:port", " , "])
    def test_what_is_no_address_is_refused(self, url):
        with pytest.raises(LogRefused, match="PENSTOCK_NATS_URL"):
            Servers(url)

    def test_each_has_its_turn_and_credentials_are_not_shown(self):
        servers = Servers("nats://u:p@a:1,tls://b:2, nats://token@c:3")
        assert str(servers) == "nats://a:1,nats://c:3,tls://b:2"
        assert {shown(servers.next()) for _ in range(3)} == {"nats://a:1", "tls://b:2", "nats://c:3"}
