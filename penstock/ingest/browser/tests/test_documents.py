import gzip
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.answers import Refusal
from penstock.ingest.browser.documents import Body, Document
from penstock.ingest.browser.origin import Origin, Origins
from penstock.ingest.browser.planned import OPEN
from penstock.ingest.browser.scripts import STANDALONE, Scripts
from penstock.ingest.browser.settings import connected, settings_document
from penstock.ingest.peers import Peers
from penstock.js.build import build
from penstock.spec.snapshot import DestinationSnapshot

CONTENT = b"x" * 5_000
HERE = Origin("http", "localhost:8280")


class Exchange:
    def response_bytes(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def response_empty(self, status, headers):
        self.response_bytes(status, headers, b"")


def asked(document, method="GET", **headers):
    exchange = Exchange()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    document.give(SimpleNamespace(method=method, headers=names), exchange, [("access-control-allow-origin", "*")])
    return exchange


class TestDocument:
    document = Document.of(CONTENT, "text/plain", "public")

    def test_it_is_packed_where_that_is_taken(self):
        packed = asked(self.document, accept_encoding="br, GZIP;q=0.5")
        assert ("content-encoding", "gzip") in packed.headers
        assert gzip.decompress(packed.body) == asked(self.document).body == CONTENT
        assert asked(self.document, accept_encoding="gzip;q=0").body == CONTENT

    @given(st.binary(max_size=300), st.binary(max_size=3_000))
    def test_a_beginning_and_its_body_are_packed_as_one(self, beginning, content):
        assert gzip.decompress(Body.of(content).packed_after(beginning)) == beginning + content

    @pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
    def test_who_has_it_already_gets_nothing(self, known):
        answer = asked(self.document, if_none_match=known.format(self.document.tag))
        assert (answer.status, answer.body) == (304, b"")
        assert ("etag", self.document.tag) in answer.headers

    def test_head_tells_the_length_alone(self):
        answer = asked(self.document, "HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert ("content-length", "5000") in answer.headers

    def test_another_content_has_another_tag(self):
        assert Document.of(b"y", "text/plain", "public").tag != self.document.tag


class HeadersOf(dict):
    """Headers by name; several lines of one stand in a list."""

    def get_all(self, name):
        found = self.get(name, [])
        return found if isinstance(found, list) else [found]


class TestOrigin:
    def of(self, public="", trusted=(), client="10.0.0.1:5", scheme="http", authority=None, **headers):
        names = HeadersOf({name.replace("_", "-"): value for name, value in headers.items()})
        scope = SimpleNamespace(client=client, scheme=scheme, headers=names, authority=authority)
        return Origins(public, Peers(trusted)).of(scope).url

    def test_the_public_url_decides(self):
        assert self.of("https://cdp.example.test/in/", host="x") == "https://cdp.example.test/in"

    def test_else_the_request_does(self):
        assert self.of(host="shop.test:8280") == "http://shop.test:8280"
        assert self.of(scheme="https", authority="[::1]:8443") == "https://[::1]:8443"

    def test_a_proxy_is_believed_where_it_is_trusted(self):
        told = {"host": "inside:1", "x_forwarded_proto": "http, https", "x_forwarded_host": "cdp.example.test"}
        assert self.of(trusted=["10.0.0.0/8"], **told) == "https://cdp.example.test"
        assert self.of(trusted=["192.168.0.0/16"], **told) == "http://inside:1"

    def test_a_proxy_that_adds_a_line_of_its_own_is_believed_not_what_the_client_sent(self):
        told = {"x_forwarded_proto": ["http", "https"], "x_forwarded_host": ["evil.test", "cdp.example.test"]}
        assert self.of(trusted=["10.0.0.0/8"], host="inside:1", **told) == "https://cdp.example.test"

    @pytest.mark.parametrize("host", ["", 'x"><script>', "a b", "x/..", "\u00e4.test", "a" * 300])
    def test_a_host_that_is_none_is_refused(self, host):
        with pytest.raises(Refusal):
            self.of(host=host)


def destination(name, **changes):
    made = DestinationSnapshot("d", "w", 1, "s", "m", "My one", [name, "Old"], ["track"], True, 0, 0, b"", [])
    return type(made)(*[changes.get(field, getattr(made, field)) for field in made.__struct_fields__])


class TestSettings:
    def of(self, *destinations, origin=HERE):
        return json.loads(settings_document("wk", origin, connected(destinations), OPEN).content)

    def test_events_go_back_to_where_the_settings_came_from(self):
        own = self.of(origin=Origin("https", "cdp.test/in"))["integrations"]["Segment.io"]
        assert (own["apiKey"], own["apiHost"], own["protocol"]) == ("wk", "cdp.test/in/v1", "https")

    def test_destinations_are_named_as_unbundled_and_listed_nowhere_else(self):
        found = self.of(destination("B"), destination("A"), destination("Off", enabled=False))
        assert found["integrations"]["Segment.io"]["unbundledIntegrations"] == ["A", "B"]
        assert list(found["integrations"]) == ["Segment.io"]

    @pytest.mark.parametrize(
        ("categories", "told", "has_unmapped"),
        [
            ([], [], True),
            ([["Ads", "Analytics"], ["Ads"]], ["Ads", "Analytics"], False),
            ([["Ads"], []], ["Ads"], True),
        ],
    )
    def test_consent_tells_the_categories_of_what_is_delivered_to(self, categories, told, has_unmapped):
        made = [destination(f"D{number}", consent_categories=each) for number, each in enumerate(categories)]
        found = self.of(*made, destination("Off", enabled=False, consent_categories=["None of these"]))
        assert found["consentSettings"] == {"allCategories": told, "hasUnmappedDestinations": has_unmapped}

    def test_every_member_that_phones_read_is_an_object(self):
        found = self.of()
        for name in ("integrations", "plan", "edgeFunction", "middlewareSettings", "metrics", "consentSettings"):
            assert isinstance(found[name], dict), name
        assert found["metrics"]["sampleRate"] == 0
        assert found["plan"]["track"]["__default"]["integrations"] == {}


@pytest.fixture(scope="module")
def built():
    build(say=lambda _: None)


@pytest.mark.usefixtures("built")
class TestScripts:
    def test_the_library_comes_after_what_points_it_here(self):
        content = Scripts().analytics(HERE).content
        assert b'("http://localhost:8280","http");\n' in content[:1_000]
        assert content.endswith((Scripts()._folder / STANDALONE).read_bytes())

    def test_all_pieces_are_there_and_nothing_else(self):
        scripts = Scripts()
        names = {file.name for file in scripts._folder.iterdir()} - {STANDALONE}
        assert len(names) >= 6
        assert all(scripts.piece(name) is not None for name in names)
        for name in (STANDALONE, "../runner.js", "..", "", "nothing.js", "a/b"):
            assert scripts.piece(name) is None
