"""Cases from the field that cross folders: from a request to the webhook, the warehouse and the operator's counts."""

import json
import shutil
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest

from penstock.testing.cutting_proxy import ThreadedProxy
from penstock.testing.instance import Instance, wait_until
from penstock.testing.observing import finals, outcomes, roles
from penstock.testing.receiver import Receiver
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, create_webhook, subscribe

SETTINGS = {"PENSTOCK_SYNC_SECONDS": "600"}
EXACT = {"odd": 9007199254740993, "max": 9223372036854775807, "min": -9223372036854775808}
BEYOND = 9223372036854775808


class Field:
    """One instance; each case has a source and a webhook of its own."""

    def __init__(self, instance, receiver):
        self.instance = instance
        self.receiver = receiver

    def case(self, slug):
        with self.instance.api() as api:
            source = create_source(api, slug)
            destination = connect_webhook(api, source["id"], f"{self.receiver.url}/{slug}")
        return Case(self, slug, source, destination)


class Case:
    def __init__(self, field, slug, source, destination):
        self.field, self.slug, self.source, self.destination = field, slug, source, destination
        self.key = source["writeKeys"][0]

    def sender(self):
        return sender(self.field.instance.url, self.key)

    def bodies(self):
        return [one.json() for one in self.field.receiver.requests if one.path == f"/{self.slug}"]

    def wait_for(self, count):
        wait_until(lambda: len(self.bodies()) >= count, 60, f"{count} events of {self.slug} at the webhook")
        return self.bodies()

    def rows(self, statement, load=True):
        if load:
            self.field.instance.sync()
        return self.field.instance.sql(statement.format(schema=self.slug.replace("-", "_")))

    def counts(self):
        """Outcomes of the source's own events, without those of destinations."""
        return outcomes(self.field.instance, of_source_itself=True, source_id=self.source["id"])

    def wait_for_counts(self, wanted):
        try:
            wait_until(lambda: self.counts() == wanted, 60, f"the counts of {self.slug}")
        finally:
            assert self.counts() == wanted


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    with Receiver() as receiver, Instance(tmp_path_factory.mktemp("field") / "data", SETTINGS) as instance:
        yield Field(instance, receiver)


def test_fc01_a_mistyped_key_is_accepted_and_the_operator_sees_it(field):
    known = field.case("fc01").key
    unknown = "A" * len(known)
    for key, status in ((unknown, 200), ("abc123", 400), ("", 400)):
        with sender(field.instance.url, key) as send:
            answer = send.post("/v1/track", track(f"fc01-{len(key)}"))
        assert answer.status_code == status, key
        assert answer.json() == {"success": True} if status == 200 else "code" in answer.json()
    failed = ("FAILED_ON_INGEST", "unknown_source")
    wait_until(lambda: outcomes(field.instance).get(failed), 60, "a counted unknown key")
    edge = roles(field.instance)["edge"]
    assert edge["details"]["unknownKeys"] == {unknown: 1}
    assert edge["counts"]["refused.invalid_write_key"] == 1


def test_fc03_zero_as_text_is_an_id_and_as_a_number_is_none(field):
    case = field.case("fc03")
    with case.sender() as send:
        send.send({**track("fc03-number"), "userId": 0})
        send.send({**track("fc03-text"), "userId": "0"})
        send.send({"type": "identify", "userId": "0", "messageId": "fc03-user", "traits": {"plan": "pro"}})
    assert {body["messageId"]: body["userId"] for body in case.wait_for(2)} == {"fc03-text": "0", "fc03-user": "0"}
    case.wait_for_counts({("SUCCESSFULLY_RECEIVED", ""): 2, ("FAILED_ON_INGEST", "id_not_string"): 1})
    assert case.rows("select id, user_id from {schema}.tracks") == [{"id": "fc03-text", "user_id": "0"}]
    assert case.rows("select id, plan from {schema}.users") == [{"id": "0", "plan": "pro"}]


def test_fc05_every_element_of_a_partly_bad_batch_is_counted_or_delivered(field):
    case = field.case("fc05")
    good = [
        track("fc05-a"),
        {**track("fc05-e"), "userId": None, "anonymousId": "a-102"},
        {"type": "identify", "userId": "0", "traits": {"plan": "trial"}, "messageId": "fc05-i"},
        {"type": "page", "anonymousId": "a-102", "name": None, "messageId": "fc05-k", "properties": {"path": "/"}},
    ]
    nobody = track("fc05-b")
    del nobody["userId"]
    unnamed = track("fc05-g")
    del unnamed["event"]
    bad = [
        (nobody, "no_user_anon_id"),
        ({**track("fc05-c"), "userId": 0}, "id_not_string"),
        ({**track("fc05-d"), "userId": "", "anonymousId": "a-101"}, "id_not_string"),
        ({**track("fc05-f"), "event": {"name": "Basket Opened"}}, "event_not_string"),
        (unnamed, "event_not_defined"),
        ({**track("fc05-h"), "properties": "n=3"}, "properties_not_object"),
        ({"type": "purchase", "userId": "u-101", "messageId": "fc05-j"}, "unknown_type"),
    ]
    with case.sender() as send:
        send.batch([*good[:2], *(event for event, _ in bad), *good[2:]])
    failed = Counter(("FAILED_ON_INGEST", reason) for _, reason in bad)
    assert failed.total() == 7
    case.wait_for_counts({("SUCCESSFULLY_RECEIVED", ""): 4, **failed})
    assert {body["messageId"] for body in case.wait_for(4)} == {event["messageId"] for event in good}
    assert {row["id"] for row in case.rows("select id from {schema}.tracks")} == {"fc05-a", "fc05-e"}
    assert case.rows("select id, plan from {schema}.users", load=False) == [{"id": "0", "plan": "trial"}]


def sized(message_id, size):
    """An event of exactly so many bytes."""
    event = track(message_id, filler="")
    event["properties"]["filler"] = "x" * (size - len(json.dumps(event)))
    assert len(json.dumps(event)) == size
    return event


def padded(size):
    """A batch body of exactly so many bytes."""
    body = {"batch": [track(f"fc07-c-{size}")], "pad": ""}
    body["pad"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


def test_fc07_the_largest_that_sdks_send_is_taken_and_what_is_over_a_limit_is_left_out_with_a_code(field):
    case = field.case("fc07")
    with case.sender() as send:
        send.batch(sized(f"fc07-a-{number}", 31_000) for number in range(16))
        send.batch([track("fc07-b-1"), sized("fc07-b-2", 33 * 1024 + 1), track("fc07-b-3")])
        assert send.post("/v1/batch", padded(511_999)).status_code == 200
        refused = send.post("/v1/batch", padded(512_001))
        assert refused.status_code == 400
        assert refused.json()["code"] == "payload_too_large"
        send.batch(track(f"fc07-d-{number}") for number in range(2_501))
    delivered = 16 + 2 + 1 + 2_500
    case.wait_for_counts(
        {
            ("SUCCESSFULLY_RECEIVED", ""): delivered,
            ("FAILED_ON_INGEST", "event_too_large"): 1,
            ("FAILED_ON_INGEST", "batch_limit_exceeded"): 1,
        }
    )
    ids = {row["id"] for row in case.rows("select id from {schema}.tracks")}
    assert len(ids) == delivered
    assert not ids & {"fc07-b-2", "fc07-d-2500", "fc07-c-512001"}


def test_fc10_every_error_is_json_with_a_code_a_message_and_an_error(field):
    case = field.case("fc10")
    with case.sender() as send:
        for path, body in (("/v1/batch", b"x" * 600_000), ("/v1/track", b"{"), ("/v1/track", b"x" * 40_000)):
            answer = send.post(path, body)
            assert answer.status_code == 400
            assert {"code", "message", "error"} <= answer.json().keys()


def test_fc12_a_batch_sent_again_after_its_answer_was_cut_off_arrives_once(field):
    case = field.case("fc12")
    body = json.dumps({"batch": [track(f"fc12-{number}") for number in range(20)]}).encode()
    with ThreadedProxy(int(field.instance.url.rpartition(":")[2])) as proxy:
        proxy.cut_at_answer(b"success")
        with sender(f"http://127.0.0.1:{proxy.port}", case.key) as send:
            with pytest.raises(httpx.TransportError):
                send.post("/v1/batch", body)
            assert proxy.cuts == 1
            case.wait_for(20)
            assert send.post("/v1/batch", body).json() == {"success": True}
    case.wait_for_counts({("SUCCESSFULLY_RECEIVED", ""): 20, ("FAILED_ON_INGEST", "duplicate"): 20})
    wanted = sorted(f"fc12-{number}" for number in range(20))
    assert sorted(body["messageId"] for body in case.bodies()) == wanted
    assert sorted(row["id"] for row in case.rows("select id from {schema}.tracks")) == wanted


def test_fc14_of_equal_ids_the_first_is_kept(field):
    case = field.case("fc14")
    with case.sender() as send:
        send.send(track("fc14-a", copy="first"))
        send.batch(
            [
                track("fc14-a", copy="second"),
                track("fc14-b", copy="first"),
                track("fc14-c", copy="first"),
                track("fc14-c", copy="second"),
            ]
        )
    bodies = case.wait_for(3)
    assert sorted((body["messageId"], body["properties"]["copy"]) for body in bodies) == [
        ("fc14-a", "first"),
        ("fc14-b", "first"),
        ("fc14-c", "first"),
    ]
    rows = case.rows("select id, copy from {schema}.step_done order by id")
    assert [tuple(row.values()) for row in rows] == [("fc14-a", "first"), ("fc14-b", "first"), ("fc14-c", "first")]
    case.wait_for_counts({("SUCCESSFULLY_RECEIVED", ""): 3, ("FAILED_ON_INGEST", "duplicate"): 2})


def test_fc17_an_id_of_the_sender_becomes_the_id_of_the_row(field):
    case = field.case("fc17")
    with case.sender() as send:
        send.batch(
            [track("order-77-paid"), track("x" * 100), track("x" * 101), track(""), {**track("n"), "messageId": 5}]
        )
    ids = {body["messageId"] for body in case.wait_for(4)}
    assert {"order-77-paid", "x" * 100} < ids
    assert all(ids)
    assert all(isinstance(one, str) for one in ids)
    assert {row["id"] for row in case.rows("select id from {schema}.tracks")} == ids
    case.wait_for_counts({("SUCCESSFULLY_RECEIVED", ""): 4, ("FAILED_ON_INGEST", "message_id_too_long"): 1})


def test_fc20_events_without_times_and_ids_are_all_kept_with_one_time_and_in_order(field):
    case = field.case("fc20")
    with case.sender() as send:
        send.batch({"type": "track", "event": "Tick", "userId": "u-1", "properties": {"n": n}} for n in range(12))
    bodies = case.wait_for(12)
    assert len({body["messageId"] for body in bodies}) == 12
    assert len({(body["receivedAt"], body["timestamp"]) for body in bodies}) == 1
    assert bodies[0]["receivedAt"] == bodies[0]["timestamp"]
    assert case.rows("select count(*) as n, count(distinct id) as ids from {schema}.tick") == [{"n": 12, "ids": 12}]
    assert [row["n"] for row in case.rows("select n from {schema}.tick", load=False)] == list(range(12))


def test_fc21_large_integers_are_exact_in_the_warehouse_and_rounded_as_documented_in_javascript(field):
    case = field.case("fc21")
    with case.sender() as send:
        send.send(track("fc21-1", "Ledger", **EXACT, text="7615917337495251231", tenth=0.1))
        case.field.instance.sync()
        send.send(track("fc21-2", "Ledger", odd=BEYOND, max=1))
        answer = send.post(
            "/v1/track", b'{"userId":"u","event":"Ledger Huge","messageId":"fc21-3","properties":{"h":1e400}}'
        )
        assert answer.status_code == 200
    bodies = {body["messageId"]: body["properties"] for body in case.wait_for(3)}
    assert bodies["fc21-1"]["odd"] == 9007199254740992, "JavaScript rounds, see docs/numbers.md"
    assert bodies["fc21-1"]["text"] == "7615917337495251231"
    statement = "select id, odd, max, min, text, tenth from {schema}.ledger order by id"
    first, second = case.rows(statement)
    assert first == {"id": "fc21-1", **EXACT, "text": "7615917337495251231", "tenth": 0.1}
    assert (second["odd"], second["max"]) == (None, 1)
    assert case.rows("select id from {schema}.ledger_huge", load=False) == [{"id": "fc21-3"}]


def test_fc33_a_property_cannot_forge_who_did_it_or_when_it_was_received(field):
    case = field.case("fc33")
    began = datetime.now(UTC).replace(tzinfo=None)
    forged = {"user_id": "forged", "event": "forged", "received_at": "1999-01-01T00:00:00Z", "id": "p-1", "uuid": "u-1"}
    forged |= {"timestamp": "1999-01-01T00:00:00Z", "anonymousId": "forged", "price": 3}
    with case.sender() as send:
        send.send({**track("fc33", "Item Sold"), "properties": forged})
    case.wait_for(1)
    (row,) = case.rows("select * from {schema}.item_sold")
    assert (row["id"], row["user_id"], row["event"], row["price"]) == ("fc33", "u-1", "item_sold", 3)
    assert (row["_id"], row["_uuid"]) == ("p-1", "u-1")
    assert "forged" not in row.values()
    assert row["received_at"] >= began.isoformat(sep=row["received_at"][10])[:19]


PAGE_COLUMNS = (
    "id, anonymous_id, user_id, received_at, sent_at, timestamp, url, path, title, search, referrer, "
    "context_campaign_source, context_campaign_medium, context_campaign_name, context_campaign_term, "
    "context_campaign_content, context_ip, context_user_agent"
)


def page(message_id, **context):
    properties = {"url": "https://shop.example.test/", "path": "/", "title": "Shop", "search": "", "referrer": ""}
    return {
        "type": "page",
        "anonymousId": "a-901",
        "messageId": message_id,
        "properties": properties,
        "context": {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0 Example/1.0", **context},
    }


def test_fc47_the_columns_of_a_quiet_site_are_there_for_dbt(field):
    case = field.case("fc47")
    campaign = {"source": "mail", "medium": "cpc", "name": "spring", "term": "x", "content": "top"}
    with case.sender() as send:
        send.batch([page("fc47-1", campaign=campaign), page("fc47-2")])
    case.wait_for(2)
    rows = case.rows(f"select {PAGE_COLUMNS} from {{schema}}.pages order by id")
    assert [(row["id"], row["search"], row["referrer"]) for row in rows] == [("fc47-1", "", ""), ("fc47-2", "", "")]
    assert rows[0]["context_campaign_content"] == "top"


def test_fc47_a_site_without_campaigns_has_them_too(field):
    case = field.case("fc47-quiet")
    with case.sender() as send:
        send.send(page("fc47-3"))
    case.wait_for(1)
    (row,) = case.rows(f"select {PAGE_COLUMNS} from {{schema}}.pages")
    assert (row["id"], row["search"], row["context_campaign_source"]) == ("fc47-3", "", None)


def test_fc23_a_browser_that_leaves_is_heard_without_a_preflight(field):
    case = field.case("fc23")
    body = json.dumps({"writeKey": case.key, "batch": [sized(f"fc23-{number}", 30_000) for number in range(2)]})
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example.test"}
    for content, status in ((body, 200), ("{", 400)):
        answer = httpx.post(field.instance.url + "/v1/b", content=content, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example.test")
    assert len(case.wait_for(2)) == 2


def test_fc64_two_mappings_are_two_requests_and_two_outcomes_and_none_is_told(field):
    with field.instance.api() as api:
        source = create_source(api, "fc64")
        destination = create_webhook(api, source["id"])
        for name in ("one", "two"):
            subscribe(api, destination["id"], f"{field.receiver.url}/fc64-{name}", 'event = "Step Done"')
    with sender(field.instance.url, source["writeKeys"][0]) as send:
        send.batch([track("fc64-1"), track("fc64-2", "Something Else")])
    wanted = {
        ("SUCCESSFUL_DELIVERY", "successes.attempt.1"): 2,
        ("FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING"): 1,
    }
    wait_until(lambda: finals(field.instance, destination["id"]) == wanted, 60, "two deliveries, one without mapping")
    for name in ("one", "two"):
        found = [one.json()["messageId"] for one in field.receiver.requests if one.path == f"/fc64-{name}"]
        assert found == ["fc64-1"]


def test_fc43_the_same_page_a_week_later_stays_one_row(field):
    """The last of the module: its clock goes eight days ahead, and the index is lost as if its entries had expired."""
    case = field.case("fc43")
    with case.sender() as send:
        send.batch([page("fc43-1"), page("fc43-2")])
        case.wait_for(2)
        send.send(page("fc43-3"))  # the last frame is always remembered: it is the pipeline's position
    case.wait_for(3)
    field.instance.sync()
    field.instance.stop()
    shutil.rmtree(field.instance.data / "dedupe")
    field.instance.start({"PENSTOCK_CLOCK_OFFSET_HOURS": "192"})
    with case.sender() as send:
        send.batch([page("fc43-1"), page("fc43-4")])
    sent = [body["messageId"] for body in case.wait_for(5)]
    assert sent.count("fc43-1") == 2, "the pipeline has not forgotten it, so that this shows nothing"
    rows = case.rows("select id from {schema}.pages order by id")
    assert [row["id"] for row in rows] == ["fc43-1", "fc43-2", "fc43-3", "fc43-4"]
