"""Pages of lists: what is asked for, and the opaque keyset cursors that lead from one to the next.

A cursor holds the sort key of the last item before the page, so items that come and go elsewhere neither repeat nor
skip any. `MA==` is the first page: published clients hard-code it.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from penstock.api.errors import InputInvalid
from penstock.api.versions import Contract

FIRST = "MA=="
SortKey = tuple[Any, ...]
_Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
T = TypeVar("T")


class Page(msgspec.Struct, frozen=True):
    """What a request asks for: `count` items after the key `after` (the first ones where it is None)."""

    count: int
    cursor: str = FIRST
    after: SortKey | None = None


def after_time(page: Page) -> tuple[int, str] | None:
    """The key of a list that is sorted by time and id. Raises InputInvalid for a cursor of another kind of list."""
    if page.after is None:
        return None
    time, identifier = page.after
    if not isinstance(time, int) or not isinstance(identifier, str):
        raise InputInvalid('"pagination.cursor" is not a cursor of this list', field="pagination.cursor")
    return time, identifier


class PageAnswer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The `pagination` of an answer; `next` is left out on the last page."""

    current: str
    next: str = ""
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


def encode_cursor(after: SortKey) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode()


def decode_cursor(cursor: Any) -> SortKey | None:
    """The key in a cursor that an answer of ours held; None for the first page. Raises InputInvalid."""
    if cursor == FIRST:
        return None
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(str(cursor).encode()), type=tuple[_Whole | str, ...])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise InputInvalid('"pagination.cursor" is not a cursor', field="pagination.cursor") from error
    if len(decoded) != 2:
        raise InputInvalid('"pagination.cursor" is not a cursor', field="pagination.cursor")
    return decoded


def answer_page(page: Page, items: Sequence[T], total: int, key: Callable[[T], SortKey]) -> tuple[list[T], PageAnswer]:
    """The page's items and its `pagination`, from up to `page.count` + 1 items: the last tells of a next page."""
    shown = list(items[: page.count])
    following = encode_cursor(key(shown[-1])) if len(items) > page.count else ""
    return shown, PageAnswer(page.cursor, following, total)


def page_of(items: Sequence[T], page: Page, key: Callable[[T], SortKey]) -> tuple[list[T], PageAnswer]:
    """A page of a list that is in memory and sorted by `key`."""
    after = page.after
    rest = items if after is None else [item for item in items if _is_after(key(item), after)]
    return answer_page(page, rest[: page.count + 1], len(items), key)


def _is_after(key: SortKey, after: SortKey) -> bool:
    try:
        return key > after
    except TypeError as error:
        raise InputInvalid('"pagination.cursor" is not a cursor', field="pagination.cursor") from error
