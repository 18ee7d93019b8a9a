"""Lays an event's object over the batch's: `context` deeply, `integrations` at the first level. Null is absent."""

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.wire import ABSENT, fields_of, is_null, is_object, object_of


class Base(msgspec.Struct, frozen=True):
    """A batch-level object: whole, and in parts."""

    text: Raw
    fields: dict[str, Raw]


def base_of(text: bytes) -> Base | None:
    """None where the batch has no such object. Raises msgspec.ValidationError for what is none."""
    if text in (b"", b"null"):
        return None
    whole = Raw(text)
    if not is_object(whole):
        raise msgspec.ValidationError("not an object")
    return Base(whole, fields_of(whole))


def laid_over(base: Base | None, own: Raw, *, is_deep: bool) -> Raw:
    """`own`, an object or absent, over `base`; where `is_deep`, objects that stand in both are merged likewise."""
    if base is None:
        return own
    return base.text if own is ABSENT else _merged(base.fields, own, is_deep=is_deep)


def _merged(base: dict[str, Raw], own: Raw, *, is_deep: bool) -> Raw:
    result = dict(base)
    for key, value in fields_of(own).items():
        below = base.get(key)
        if below is None:
            result[key] = value
        elif is_null(value):
            continue
        elif is_deep and is_object(value) and is_object(below):
            result[key] = _merged(fields_of(below), value, is_deep=True)
        else:
            result[key] = value
    return object_of(result)
