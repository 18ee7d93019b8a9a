"""JSON that was changed in places, written so that all that was not changed stays as it was spelled.

A number that passes through a float may come out spelled differently, and one of many digits as another number: what
nobody touched must not pay for what somebody did elsewhere.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

_members = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


class Spellings:
    """How the decimals of a document were spelled, for those that moved in it: they are still the very objects.

    Nothing is looked up before one has moved; integers of any size are exact without that.
    """

    __slots__ = ("_known", "_spelled", "is_ours")

    def __init__(self, spelled: Sequence[tuple[bytes | Raw, Any]]) -> None:
        """JSON, and what was decoded from it: gone through once, if at all."""
        self._spelled = spelled
        self._known: dict[int, Raw] | None = None
        self.is_ours = not spelled
        """Whether all of it is spelled as we spell it: then nothing has to be looked up."""

    def of(self, value: Any) -> Any:
        """`value` as it is to be encoded: what it shares with the document is spelled as there."""
        if self.is_ours:
            return value
        kind = type(value)
        if kind is float:
            if self._known is None:
                self._known = {id(each): text for pair in self._spelled for text, each in _decimals(*pair)}
            return self._known.get(id(value), value)
        if kind is dict:
            return {name: self.of(inner) for name, inner in value.items()}
        return [self.of(inner) for inner in value] if kind is list else value


_OURS = Spellings([])


def spellings_of(spelled: Sequence[tuple[bytes | Raw, Any]]) -> Spellings:
    """Those of JSON and what was decoded from it. Most senders spell as we do."""
    for text, value in spelled:
        if _encode(value) != bytes(text):
            return Spellings(spelled)
    return _OURS


def _decimals(text: bytes | Raw, value: Any) -> Iterator[tuple[Raw, float]]:
    if type(value) is dict:
        members = _members.decode(text)
        pairs = [(members[name], inner) for name, inner in value.items()]
    elif type(value) is list:
        pairs = list(zip(_items.decode(text), value, strict=True))
    else:
        return
    for each, inner in pairs:
        if type(inner) is float:
            yield each, inner
        else:
            yield from _decimals(each, inner)


def respelled(
    text: bytes | Raw, before: dict[str, Any], after: dict[str, Any], spellings: Spellings | None = None
) -> bytes:
    """The JSON of `after`, made of `before`, which was decoded from `text`. Values that both hold are shared.

    `spellings` are those of a document that `before` is a part of.
    """
    spellings = spellings or spellings_of([(text, before)])
    if spellings.is_ours:
        return _encode(after)
    members = _members.decode(text)
    written: dict[str, Any] = {}
    for name, value in after.items():
        if before.get(name, members) is value:
            written[name] = members[name]
        else:
            written[name] = _changed(name, value, before, members, spellings)
    encoded: bytes = _encode(written)
    return encoded


def _changed(name: str, value: Any, before: dict[str, Any], members: dict[str, Raw], spellings: Spellings) -> Any:
    """As it was spelled under another name, else with what it holds as it was spelled; `value` itself where it is new.
    What was moved is still the same object.
    """
    for other, held in before.items():
        if held is value:
            return members[other]
    known = before.get(name)
    if type(value) is dict and type(known) is dict:
        return Raw(respelled(members[name], known, value, spellings))
    if type(value) is list and type(known) is list and len(value) == len(known):
        return _respelled_items(members[name], known, value, spellings)
    return spellings.of(value)


def _respelled_items(text: Raw, before: list[Any], after: list[Any], spellings: Spellings) -> list[Any]:
    """Of an array whose items were changed in their places."""
    return [
        item if known is value else _respelled_item(item, known, value, spellings)
        for item, known, value in zip(_items.decode(text), before, after, strict=True)
    ]


def _respelled_item(item: Raw, known: Any, value: Any, spellings: Spellings) -> Any:
    if type(value) is dict and type(known) is dict:
        return Raw(respelled(item, known, value, spellings))
    return spellings.of(value)
