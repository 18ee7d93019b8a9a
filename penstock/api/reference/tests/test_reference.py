import re

import pytest

from penstock.api.openapi import document_of
from penstock.api.reference.markup import paragraphs, tag
from penstock.api.reference.page import page_of
from penstock.resources.slices import OPERATIONS


@pytest.fixture(scope="module")
def page():
    return page_of(document_of(OPERATIONS), "", "")


def test_every_operation_has_a_place_and_a_way_to_it(page):
    for operation in OPERATIONS:
        assert f'id="{operation.id}"' in page
        assert f'href="#{operation.id}"' in page


def test_every_link_leads_somewhere(page):
    places = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r' href="#([^"]+)"', page)) <= places


def test_nothing_is_loaded_from_elsewhere(page):
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_it_says_how_an_operation_is_asked(page):
    assert "curl -X POST http://127.0.0.1:8280/sources" in page
    assert '-d \'{"slug": "…", "metadataId": "…"}\'' in page
    assert "penstock sources create --slug … --metadata-id …" in page


def test_what_a_document_says_is_text_and_never_markup():
    assert paragraphs("<b> `a<b` **x**\n\nNext.") == (
        "<p>&lt;b&gt; <code>a&lt;b</code> <strong>x</strong></p><p>Next.</p>"
    )
    assert tag("a", "x", href='"><script>', class_="c") == '<a href="&quot;&gt;&lt;script&gt;" class="c">x</a>'


@pytest.mark.one_database
async def test_it_is_served_and_runs_its_own_script_alone(control):
    answer = await control.client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    again = await control.client.get("/docs/", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
