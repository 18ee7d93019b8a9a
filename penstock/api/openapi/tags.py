"""Tags: every operation is filed under its slice, and the slice's own sentence says what that is."""

from collections.abc import Iterable
from importlib import import_module

import msgspec

from penstock.api.operation import Operation

_SPELLED = {"iam": "IAM", "mtu": "MTU", "api": "API"}


class Tag(msgspec.Struct, frozen=True):
    """`slug` is what the slice's folder is called; `name` is what people read."""

    slug: str
    name: str
    description: str


def tag_of(operation: Operation) -> Tag:
    package = ".".join(operation.handler.__module__.split(".")[:3])
    slug = package.rpartition(".")[2]
    name = " ".join(_SPELLED.get(word, word.capitalize()) for word in slug.split("_"))
    described = (import_module(package).__doc__ or "").strip()
    about = described.partition(": ")[2] or described
    return Tag(slug, name, about[:1].upper() + about[1:])


def tags_of(operations: Iterable[Operation]) -> list[Tag]:
    """Each once, in the order of the operations."""
    return list(dict.fromkeys(map(tag_of, operations)))
