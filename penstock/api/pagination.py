"""Pages of lists: what is asked for, and the opaque keyset cursors that lead from one to the next.

A cursor holds the sort key of the item that the page follows (`next`) or precedes (`previous`), so items that come and
go elsewhere neither repeat nor skip any. `MA==` is the first page: published clients hard-code it.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy import Column, Integer, Select, bindparam, tuple_

from penstock.api.errors import InputInvalid
from penstock.api.versions import Contract

FIRST = "MA=="
_BEFORE = "<"
_LIMIT, _TIME, _ID = "page_limit", "page_time", "page_id"
SortKey = tuple[Any, ...]
_Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
T = TypeVar("T")


class Place(msgspec.Struct, frozen=True):
    """Where in a list: after the item with this key, or before it."""

    key: SortKey
    is_before: bool = False


class Page(msgspec.Struct, frozen=True):
    """What a request asks for: `count` items from this place on (the first ones where it is None)."""

    count: int
    cursor: str = FIRST
    place: Place | None = None

    @property
    def is_backward(self) -> bool:
        return self.place is not None and self.place.is_before


class PageAnswer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The `pagination` of an answer; `next` is left out on the last page, `previous` on the first."""

    current: str
    next: str = ""
    previous: str = ""
    total_entries: int = msgspec.field(default=-1)


class _Limits(msgspec.Struct, frozen=True):
    highest: int
    default: int


_SEED = _Limits(200, 10)
_OFFICIAL = _Limits(1000, 200)


def read_page(parameters: dict[str, Any], contract: Contract) -> Page:
    """The page that the query's `pagination` asks for. Raises InputInvalid naming the field."""
    limits = _OFFICIAL if contract.is_official else _SEED
    asked = parameters.get("pagination")
    if asked is None or asked == "":
        return Page(limits.default)
    if not isinstance(asked, dict):
        raise InputInvalid('"pagination" must be an object', field="pagination")
    if contract.is_official and "count" not in asked:
        raise InputInvalid('"pagination.count" is required', field="pagination.count")
    cursor = asked.get("cursor") or FIRST
    return Page(_count(asked.get("count", limits.default), limits.highest), str(cursor), decode_cursor(cursor))


def _count(value: Any, highest: int) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value, is_number = int(value), True
    if not is_number:
        raise InputInvalid('"pagination.count" must be an integer', field="pagination.count")
    if not 1 <= value <= highest:
        raise InputInvalid(f'"pagination.count" must be between 1 and {highest}', field="pagination.count")
    return int(value)


def encode_cursor(place: Place) -> str:
    content = (_BEFORE, *place.key) if place.is_before else place.key
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def decode_cursor(cursor: Any) -> Place | None:
    """The place in a cursor that an answer of ours held; None for the first page. Raises InputInvalid."""
    if cursor == FIRST:
        return None
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(str(cursor).encode()), type=tuple[_Whole | str, ...])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise _foreign("a cursor") from error
    if len(decoded) == 3 and decoded[0] == _BEFORE:
        return Place(decoded[1:], is_before=True)
    if len(decoded) != 2:
        raise _foreign("a cursor")
    return Place(decoded)


def _foreign(wanted: str) -> InputInvalid:
    return InputInvalid(f'"pagination.cursor" is not {wanted}', field="pagination.cursor")


def in_page(
    query: Select[Any], page: Page, time: Column[Any], identifier: Column[Any], *, newest_first: bool = False
) -> Select[Any]:
    """`query` sorted by time and id and cut to the page and one row more; a backward page has its nearest row first.

    Built for one page, it finds any other of the same `shape_of` with the `page_parameters` of that one.
    Raises InputInvalid for a cursor of another kind of list.
    """
    descends = page.is_backward != newest_first
    order = (time.desc(), identifier.desc()) if descends else (time, identifier)
    values = page_parameters(page)
    if page.place is not None:
        there = tuple_(bindparam(_TIME, values[_TIME], time.type), bindparam(_ID, values[_ID], identifier.type))
        here = tuple_(time, identifier)
        query = query.where(here < there if descends else here > there)
    return query.order_by(*order).limit(bindparam(_LIMIT, values[_LIMIT], Integer))


def page_parameters(page: Page) -> dict[str, Any]:
    """What the query of `in_page` is executed with. Raises InputInvalid for a cursor of another kind of list."""
    if page.place is None:
        return {_LIMIT: page.count + 1}
    moment, last = page.place.key
    if not isinstance(moment, int) or not isinstance(last, str):
        raise _foreign("a cursor of this list")
    return {_LIMIT: page.count + 1, _TIME: moment, _ID: last}


def shape_of(page: Page) -> Page:
    """The page that stands for all whose query is the same: a query that is kept is not built again."""
    return Page(1, place=page.place and Place((0, ""), is_before=page.place.is_before))


def answer_page(page: Page, items: Sequence[T], total: int, key: Callable[[T], SortKey]) -> tuple[list[T], PageAnswer]:
    """The page's items and its `pagination`, from up to `page.count` + 1 items as `in_page` finds them."""
    is_more = len(items) > page.count
    shown = list(items[: page.count])
    if page.is_backward:
        shown.reverse()
    has_next, has_previous = (True, is_more) if page.is_backward else (is_more, page.place is not None)
    following = encode_cursor(Place(key(shown[-1]))) if shown and has_next else ""
    preceding = encode_cursor(Place(key(shown[0]), is_before=True)) if shown and has_previous else ""
    return shown, PageAnswer(page.cursor, following, preceding, total)


def page_of(items: Sequence[T], page: Page, key: Callable[[T], SortKey]) -> tuple[list[T], PageAnswer]:
    """A page of a list that is in memory and sorted by `key`."""
    try:
        found = _from_place(items, page, key)
    except TypeError as error:
        raise _foreign("a cursor of this list") from error
    return answer_page(page, found[: page.count + 1], len(items), key)


def _from_place(items: Sequence[T], page: Page, key: Callable[[T], SortKey]) -> Sequence[T]:
    if page.place is None:
        return items
    place = page.place.key
    if page.is_backward:
        return [item for item in reversed(items) if key(item) < place]
    return [item for item in items if key(item) > place]
