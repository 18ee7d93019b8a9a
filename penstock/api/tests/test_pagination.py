import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.errors import InputInvalid
from penstock.api.pagination import FIRST, Page, Place, decode_cursor, encode_cursor, page_of, read_page
from penstock.api.versions import Contract


def test_the_defaults_are_those_of_the_contract():
    assert read_page({}, Contract.SEED).count == 10
    assert read_page({}, Contract.V1).count == 200
    assert read_page({"pagination": ""}, Contract.V1).count == 200


@pytest.mark.parametrize(("contract", "highest"), [(Contract.SEED, 200), (Contract.V1, 1000), (Contract.ALPHA, 1000)])
def test_the_limits_are_those_of_the_contract(contract, highest):
    assert read_page({"pagination": {"count": str(highest)}}, contract).count == highest
    for count in ("0", str(highest + 1), "-1", "x", "1.5", "", True, 1.5, None, "9" * 30):
        with pytest.raises(InputInvalid) as refused:
            read_page({"pagination": {"count": count}}, contract)
        assert refused.value.problems[0].field == "pagination.count"


def test_the_official_contract_requires_a_count_beside_a_cursor():
    assert read_page({"pagination": {"cursor": FIRST}}, Contract.SEED).count == 10
    with pytest.raises(InputInvalid):
        read_page({"pagination": {"cursor": FIRST}}, Contract.V1)


def test_the_first_page_has_the_cursor_that_clients_hard_code():
    assert decode_cursor("MA==") is None


@pytest.mark.parametrize("cursor", ["x", "MQ==", "W10=", "e30=", "WzFd", "WzEsMixd", "é", "WzEsWzJdXQ=="])
def test_a_cursor_that_we_did_not_make_is_refused(cursor):
    with pytest.raises(InputInvalid):
        decode_cursor(cursor)


@given(st.tuples(st.integers(-(2**53), 2**53), st.text(max_size=30)))
def test_a_cursor_holds_its_key(key):
    for place in (Place(key), Place(key, is_before=True)):
        assert decode_cursor(encode_cursor(place)) == place


@given(st.sets(st.integers(0, 1000)), st.integers(1, 50))
def test_walking_sees_each_item_once_and_ends_without_an_empty_page(items, count):
    ordered, seen, place = sorted(items), [], None
    while True:
        shown, answer = page_of(ordered, Page(count, FIRST, place), lambda item: (item, ""))
        seen += shown
        assert answer.total_entries == len(ordered)
        if not answer.next:
            break
        assert shown
        place = decode_cursor(answer.next)
    assert seen == ordered
    assert len(shown) > 0 or not ordered


@given(st.sets(st.integers(0, 1000), min_size=1), st.integers(1, 50))
def test_walking_back_sees_the_pages_of_walking_on_from_their_ends(items, count):
    ordered = sorted(items)
    pages, back = [], []
    shown, answer = page_of(ordered, Page(count), lambda item: (item, ""))
    assert not answer.previous
    while answer.next:
        pages.append(shown)
        shown, answer = page_of(ordered, Page(count, FIRST, decode_cursor(answer.next)), lambda item: (item, ""))
    while answer.previous:
        shown, answer = page_of(ordered, Page(count, FIRST, decode_cursor(answer.previous)), lambda item: (item, ""))
        back.insert(0, shown)
        assert answer.next
    assert back == pages
