"""Requests that nobody wrote: never a failure of ours, a status that is not declared or an answer of another shape."""

import pytest

from tests.official.documents import openapi_document
from tests.official.generated import Generated

MANY = 100
HEADERS = {
    "seed": {},
    "ours": {"Accept": "application/vnd.segment.v1+json"},
    "official": {"User-Agent": "Public API SDK 73.2.0 (Go)", "Accept": "application/json"},
}


@pytest.fixture(scope="module")
def generated(request, instance):
    """Requests to the instance by one of the documents."""
    with instance.api() as api:
        is_ours = request.param == "ours"
        document = api.get("/openapi.json").json() if is_ours else openapi_document(request.param)
        yield Generated(document, api, HEADERS[request.param])


@pytest.mark.parametrize(("generated", "count"), [("seed", 3), ("ours", 1)], indirect=["generated"])
class TestFew:
    def test_every_answer_is_declared(self, generated, count):
        assert_none(generated.complaints(count))

    def test_what_one_operation_makes_others_find(self, generated, count):
        generated.walk(count, steps=10)


@pytest.mark.torture
@pytest.mark.parametrize("generated", HEADERS, indirect=True)
class TestMany:
    def test_every_answer_is_declared(self, generated):
        assert_none(generated.complaints(MANY))

    def test_what_one_operation_makes_others_find(self, generated):
        generated.walk(count=100, steps=30)


def assert_none(complaints):
    found = list(complaints)
    assert not found, "\n\n".join(found)
