"""Which names the events of one frame have, and values of which types: the frame's part of the schema inventory.

Invariants:
- An event costs the tuples of its names and of their types and one look-up, which its outcome would cost as well:
  events of one kind with the same names and types have one counter. Only the names and types of objects and arrays that
  an event holds cost more. All else is done once for each shape of a frame.
- How many events have a name, and with which type, is exact: a plan that is made of it takes what was seen.
"""

from typing import Any

from penstock.pipeline.judging.tally import RECEIVED, Tally
from penstock.pipeline.judging.wire import Held, WireEvent
from penstock.spec.event import EventType
from penstock.spec.findings import EACH_ITEM, NAME_LENGTH, OTHER, SeenShape

NAMES_LIMIT = 200
"""Different events of one frame that are told apart."""
CHARACTERS_LIMIT = 256 << 10
"""Of all names that one frame tells."""
_ROW = 32
_DEPTH = 4
_PLACES = {str: 0, int: 1, float: 2, bool: 3, list: 4, dict: 5, type(None): 6}
"""In VALUE_TYPES."""
_place_of = _PLACES.__getitem__
_TRACK = EventType.TRACK.value
_NAMED = frozenset({EventType.PAGE.value, EventType.SCREEN.value})
_OF_TRAITS = frozenset({EventType.IDENTIFY.value, EventType.GROUP.value})
_Names = tuple[str, ...]
_Key = tuple[int, str, str, str, _Names, tuple[type, ...]]
"""Source, type, name and app version of events, the names that they hold, and the types of those."""
_Members = dict[str, Any]
_Found = dict[tuple[str, int], None]


class _Alike:
    """Events of one key."""

    __slots__ = ("below", "count", "holders")

    def __init__(self, members: _Members) -> None:
        self.count = 0
        self.holders = [name for name, value in members.items() if type(value) is list or type(value) is dict]
        """Those of the names that hold objects and arrays."""
        self.below: dict[tuple[Any, ...], tuple[_Members, list[None]]] = {}
        """By what these hold: one event that shows for all of them, and an entry for each other one."""

    def look_below(self, members: _Members) -> None:
        below = tuple([_held_by(members[name], _DEPTH) for name in self.holders])
        if (found := self.below.get(below)) is None:
            self.below[below] = members, []
        else:
            found[1].append(None)


class _Shape:
    """Events with the same names, whatever their types and app versions are."""

    def __init__(self) -> None:
        self.count = 0
        self.kinds: dict[bytes, int] = {}
        self.nested: dict[tuple[str, int], int] = {}

    def add(self, types: tuple[type, ...], alike: _Alike) -> None:
        self.count += alike.count
        kinds = bytes(map(_place_of, types))
        self.kinds[kinds] = self.kinds.get(kinds, 0) + alike.count
        for members, others in alike.below.values():
            # Each once for the event, however many items have it.
            found: _Found = {}
            _collect(members, "", _DEPTH, found)
            for key in found:
                self.nested[key] = self.nested.get(key, 0) + 1 + len(others)

    def size(self, names: _Names) -> int:
        """In characters, about."""
        told = sum(map(len, names)) + sum(len(path) for path, _ in self.nested)
        return _ROW + told + len(self.kinds) * len(names)


class Shapes:
    """Of one frame."""

    def __init__(self) -> None:
        self._found: dict[_Key, _Alike] = {}

    def add(self, source: int, event: WireEvent, app_version: str, held: Held) -> None:
        """An event that was admitted; `held` is what it held when it came."""
        kind = event.type
        if kind == _TRACK:
            name, members = event.event, held[0]
        else:
            name, members = event.name if kind in _NAMED else "", held[1] if kind in _OF_TRAITS else held[0]
        types = tuple(map(type, members.values()))
        key = (source, kind, name or "", app_version, tuple(members), types)
        alike = self._found.get(key)
        if alike is None:
            alike = self._found[key] = _Alike(members)
        alike.count += 1
        if alike.holders:
            alike.look_below(members)

    def count_received(self, tally: Tally) -> None:
        """The outcome of all that were added. It is their only count, so that an event is counted once."""
        for (source, event_type, name, app_version, *_), alike in self._found.items():
            tally.count(source, RECEIVED, event_type, name if event_type == _TRACK else "", alike.count, app_version)

    def seen(self) -> list[SeenShape]:
        """Names are bounded; what is beyond is `other`."""
        shapes: dict[tuple[int, str, str, _Names], _Shape] = {}
        for (source, event_type, name, _, names, types), alike in self._found.items():
            shapes.setdefault((source, event_type, name, names), _Shape()).add(types, alike)
        events: set[str] = set()
        told, left = [], CHARACTERS_LIMIT
        for (source, event_type, full_name, names), shape in shapes.items():
            name = full_name[:NAME_LENGTH]
            if name not in events and len(events) >= NAMES_LIMIT:
                name = OTHER
            events.add(name)
            size = len(name) + shape.size(names)
            if size > left:
                told.append(SeenShape(source, event_type, name, shape.count, [OTHER], 0, [], []))
                continue
            left -= size
            nested = [(path, place, number) for (path, place), number in shape.nested.items()]
            about = (source, event_type, name, shape.count, list(names))
            told.append(SeenShape(*about, shape.count, list(shape.kinds.items()), nested))
        return told


def _held_by(value: Any, depth: int) -> Any:
    """The same for all objects and arrays that hold the same names and types; the type of what is neither."""
    kind = type(value)
    if kind is list:
        kinds = frozenset(map(type, value))
        if dict not in kinds:
            return kinds
        return kinds, frozenset([_held_by(item, depth) for item in value if type(item) is dict])
    if kind is dict and depth:
        return tuple(value), tuple([_held_by(each, depth - 1) for each in value.values()])
    return kind


def _collect(members: _Members, way: str, depth: int, found: _Found) -> None:
    for name, value in members.items():
        if type(value) is dict:
            _collect_from(value, f"{way}{name}.", depth, found)
        elif type(value) is list:
            here = f"{way}{name}.{EACH_ITEM}"
            for item in value:
                found[here, _place_of(type(item))] = None
                if type(item) is dict:
                    _collect_from(item, here + ".", depth, found)


def _collect_from(members: _Members, way: str, depth: int, found: _Found) -> None:
    for name, value in members.items():
        found[way + name, _place_of(type(value))] = None
    if depth > 1:
        _collect(members, way, depth - 1, found)
