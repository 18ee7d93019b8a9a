"""The official analytics.js, loaded from Penstock by the snippet that users paste, in a real browser.

Everything is shown over http and over https: a page over https may ask nobody over plain http.
"""

import json
from urllib.parse import urlsplit

import pytest

from penstock.testing.certificates import self_signed
from penstock.testing.instance import Instance, wait_until
from tests.browser.chromium import started_browser
from tests.browser.shop import open_shop

CALLS = """
analytics.page("Docs", "Home", {section: "a"});
analytics.identify("u1", {email: "a@b.test", logins: 3, vip: true});
analytics.track("Order Completed", {total: 12.5, quantity: 2, coupon: null, products: [{sku: "a"}]});
analytics.group("g1", {name: "Initech", seats: 5});
analytics.alias("u2", "u1");
analytics.screen("Main", {tab: 1});
"""
TABLES = {
    "page": "pages",
    "identify": "identifies",
    "track": "tracks",
    "group": "groups",
    "alias": "aliases",
    "screen": "screens",
}


@pytest.fixture(scope="module", params=["http", "https"])
def certificate(request, tmp_path_factory):
    """Of the instance and of the shop; none over http."""
    return self_signed(tmp_path_factory.mktemp("certificate")) if request.param == "https" else None


@pytest.fixture(scope="module")
def instance(tmp_path_factory, certificate):
    tls = dict(zip(("PENSTOCK_TLS_CERT", "PENSTOCK_TLS_KEY"), map(str, certificate or ()), strict=False))
    settings = {**tls, "PENSTOCK_SYNC_SECONDS": "600"}
    with Instance(tmp_path_factory.mktemp("browser") / "data", settings) as running:
        assert urlsplit(running.url).scheme == ("https" if certificate else "http")
        yield running


@pytest.fixture(scope="module")
def shop(instance, certificate):
    with open_shop(instance.url, instance.ready["writeKey"], certificate) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    with started_browser() as browser:
        yield browser


@pytest.fixture
def page(browser):
    with browser.opened_page() as page:
        yield page


def wait_for_library(page):
    wait_until(lambda: page.evaluate("Boolean(window.analytics && window.analytics.initialized)"), 60, "a library")


def sent(page, count):
    """What the library has sent, once it is so many events."""
    wait_until(lambda: page.evaluate("window.sent.length") >= count, 60, f"{count} events of the library")
    return json.loads(page.evaluate("JSON.stringify(window.sent)"))


def rows(instance, table, message_ids):
    """Rows of the first source by id, once all are there."""

    def found():
        instance.sync()
        quoted = ", ".join(f"'{each}'" for each in message_ids)
        try:
            return instance.sql(f'SELECT * FROM my_first_source."{table}" WHERE id IN ({quoted})')
        except AssertionError:
            return []

    wait_until(lambda: len(found()) == len(message_ids), 90, f"{len(message_ids)} rows in {table}")
    return {row["id"]: row for row in found()}


def rows_of(instance, *names):
    """Rows of events with these names, of what has arrived so far."""
    instance.sync()
    quoted = ", ".join(f"'{each}'" for each in names)
    return instance.sql(f"SELECT id, event_text FROM my_first_source.tracks WHERE event_text IN ({quoted})")


def stored(page):
    """The ids of the messages that the library has put into the storage of the site."""
    items = json.loads(page.evaluate("JSON.stringify(Object.entries(localStorage))"))
    queues = [json.loads(value) for name, value in items if name.startswith("persisted-queue:") and ":items" in name]
    return {context["event"]["messageId"] for queue in queues for context in queue}


def assert_asked_only(page, *origins):
    """Scheme and all."""
    asked = map(urlsplit, page.requests.values())
    assert {f"{url.scheme}://{url.netloc}" for url in asked if url.scheme.startswith("http")} == set(origins)


def test_every_call_arrives_whole(instance, shop, page):
    page.open(f"{shop}/?utm_source=news&utm_campaign=spring")
    page.evaluate(CALLS)
    events = sent(page, 6)
    by_type = {event["type"]: event for event in events}
    found = {kind: rows(instance, table, [by_type[kind]["messageId"]]) for kind, table in TABLES.items()}
    (tracked,) = rows(instance, "order_completed", [by_type["track"]["messageId"]]).values()
    assert (tracked["total"], tracked["quantity"], tracked["products"]) == (12.5, 2, '[{"sku":"a"}]')
    assert tracked["event_text"] == "Order Completed"
    (viewed,) = found["page"].values()
    assert (viewed["name"], viewed["category"], viewed["section"]) == ("Home", "Docs", "a")
    assert (viewed["title"], viewed["path"], viewed["context_campaign_name"]) == ("Shop", "/", "spring")
    assert viewed["context_page_url"] == f"{shop}/?utm_source=news&utm_campaign=spring"
    assert viewed["context_ip"] == "127.0.0.1"
    assert viewed["context_library_name"] == "analytics.js"
    (known,) = found["identify"].values()
    assert (known["user_id"], known["email"], known["logins"], known["vip"]) == ("u1", "a@b.test", 3, True)
    assert known["anonymous_id"] == by_type["identify"]["anonymousId"]
    (company,) = found["group"].values()
    assert (company["group_id"], company["seats"]) == ("g1", 5)
    (alias,) = found["alias"].values()
    assert (alias["user_id"], alias["previous_id"]) == (by_type["alias"]["userId"], "u1"), by_type["alias"]
    assert page.failures == []
    assert_asked_only(page, shop, instance.url)


def test_a_visitor_stays_who_he_was_after_a_reload(instance, shop, page):
    page.open(shop)
    page.evaluate('analytics.track("Before")')
    (before,) = sent(page, 1)
    page.open(shop)
    page.evaluate('analytics.track("After")')
    (after,) = sent(page, 1)
    assert after["anonymousId"] == before["anonymousId"]
    assert rows(instance, "tracks", [before["messageId"], after["messageId"]])
    assert page.failures == []
    assert_asked_only(page, shop, instance.url)


def test_what_was_tracked_offline_arrives_once(instance, shop, page):
    page.open(shop)
    page.evaluate('analytics.track("Online")')
    sent(page, 1)
    page.go_offline(offline=True)
    page.evaluate('analytics.track("Offline A"); analytics.track("Offline B")')
    events = sent(page, 3)
    page.go_offline(offline=False)
    found = rows(instance, "tracks", [event["messageId"] for event in events])
    assert {row["event_text"] for row in found.values()} == {"Online", "Offline A", "Offline B"}
    assert_asked_only(page, shop, instance.url)


def test_what_was_tracked_offline_outlives_the_page(instance, shop, page):
    """The library keeps its queues in the storage of the page when that goes; the next page of the site sends them."""
    page.open(shop)
    wait_for_library(page)
    page.evaluate('analytics.track("Online Before").then(() => true)')  # delivered: nothing of it is kept
    page.go_offline(offline=True)
    # An event on its way through the library when the page goes is not kept: each is awaited until it stands in a queue.
    page.evaluate('Promise.all([analytics.track("Kept A"), analytics.track("Kept B")]).then(() => true)')
    kept = {event["messageId"] for event in sent(page, 3)[1:]}
    # A page that was left is offline no more, and may go on for half a second, when it is ended as it is: it can reach
    # nobody by itself either, and hears beforehand that it goes.
    page.evaluate('window.fetch = () => Promise.reject(new TypeError("nobody can be reached"))')
    page.evaluate('dispatchEvent(new PageTransitionEvent("pagehide"))')
    page.open(shop)  # nobody answers: the tab shows the browser's own page
    page.open("about:blank")  # which would load the site again by itself, as soon as somebody answers
    page.go_offline(offline=False)
    page.open(f"{shop}/plain")
    wait_until(lambda: stored(page) == kept, 60, "both events in the storage of the site")
    assert not rows_of(instance, "Kept A", "Kept B")
    page.open(shop)
    found = rows(instance, "tracks", kept)
    assert sorted(row["event_text"] for row in found.values()) == ["Kept A", "Kept B"]
    wait_until(lambda: not stored(page), 60, "an empty queue in storage")
    assert len(rows_of(instance, "Kept A", "Kept B")) == 2
    assert_asked_only(page, shop, instance.url)


def test_what_is_tracked_while_the_page_goes_arrives(instance, shop, page):
    page.open(shop)
    page.evaluate('analytics.track("Stayed")')
    sent(page, 1)
    beacon = {"messageId": "beacon-1", "anonymousId": "a1", "event": "Beacon", "writeKey": instance.ready["writeKey"]}
    page.evaluate(
        'addEventListener("pagehide", () => { analytics.track("Left", {}, {}); '
        f'navigator.sendBeacon("{instance.url}/v1/t", {json.dumps(json.dumps(beacon))}) }})'
    )
    page.open(f"{shop}/plain")
    (found,) = rows(instance, "tracks", ["beacon-1"]).values()
    assert found["event_text"] == "Beacon"
    left = wait_until(lambda: rows_of(instance, "Left"), 60, "the event of the page that went")
    assert len(left) == 1
    assert_asked_only(page, shop, instance.url)


def test_the_script_alone_is_enough(instance, shop, page):
    page.open(f"{shop}/tag")
    wait_for_library(page)
    message_id = page.evaluate('analytics.track("Tagged").then(context => context.event.messageId)')
    (row,) = rows(instance, "tracks", [message_id]).values()
    assert row["event_text"] == "Tagged"
    assert page.failures == []
    assert_asked_only(page, shop, instance.url)


def test_a_pixel_is_an_event(instance, shop, page):
    page.open(f"{shop}/mail")
    assert page.evaluate("document.getElementById('pixel').naturalWidth") == 1

    def opened():
        instance.sync()
        return instance.sql("SELECT anonymous_id, context_ip, context_user_agent FROM my_first_source.opened")

    (row,) = wait_until(opened, 60, "the event of the pixel")
    assert (row["anonymous_id"], row["context_ip"]) == ("amp-1", "127.0.0.1")
    assert "Chrome" in row["context_user_agent"]
    assert_asked_only(page, shop, instance.url)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_examples_on_our_own_pages_name_the_address_at_which_they_are_read(instance, page, path):
    page.open(f"{instance.url}{path}")
    assert f" {instance.url}/workspace" in page.evaluate("document.querySelector('pre').textContent")
