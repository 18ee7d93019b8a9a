"""One event to the rows of its tables (warehouses.md §5, §6, §9): which tables, which columns, which raw values.

Invariants: a property can never write a column that carries what the message itself says; what it tried is a discard
record. Objects are flattened, arrays become JSON text, nulls are nothing, the empty string is a value. Of two
properties that share a column the later one wins, with a record of the other.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from penstock.catalog.warehouses.batch import ObjectBatch, ObjectCall, SourceBatch
from penstock.catalog.warehouses.discards import DiscardKind
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.names import identifier, snakecase
from penstock.warehousing.columns import ColumnNames
from penstock.warehousing.selection import ALL, Selection
from penstock.warehousing.tables import (
    DECLARED,
    DISCARDED_NAMES,
    EVENT_TABLE_COLUMNS,
    PREFIXED_NAMES,
    table_of,
)

_DEPTH_LIMIT = 64
Values = dict[str, Any]
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def decode_event(raw: bytes | memoryview) -> dict[str, Any]:
    """The event with its integers exact. Raises ValueError where it is no JSON object."""
    try:
        try:
            event = _decode(raw)
        except msgspec.DecodeError:
            # Numbers beyond a double are JSON too; the slow parser reads them, and their column refuses them by name.
            # It also reads halves of surrogate pairs, which no target can hold: they become question marks.
            event = json.loads(json.dumps(json.loads(bytes(raw)), ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(event, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what callers must know is that the bytes are bad
    return event


def flatten(
    batch: SourceBatch, event: Mapping[str, Any], message_id: str, event_type: int, selection: Selection = ALL
) -> None:
    """Add the rows of `event` to `batch`, as far as they are selected; a message id that it holds adds nothing."""
    if message_id in batch.message_ids:
        return
    batch.message_ids.add(message_id)
    batch.events += 1
    _Flattening(batch, event, message_id, selection).run(EVENT_TYPES[event_type])


def flatten_object(
    batch: SourceBatch,
    told: Mapping[str, Any],
    selection: Selection = ALL,
    is_of_deleted: Callable[[object], bool] = lambda _user_id: False,
) -> None:
    """Add what was told of an object (spec/objects.py) to `batch`, as far as it is selected, and its `user_id` is not
    that of somebody who was deleted.
    """
    _Flattening(batch, told, str(told["id"]), selection).set(is_of_deleted)


class _Flattening:
    """One event while it is flattened."""

    __slots__ = ("_base", "_batch", "_context", "_event", "_id", "_selection")

    def __init__(self, batch: SourceBatch, event: Mapping[str, Any], message_id: str, selection: Selection) -> None:
        self._selection = selection
        self._batch = batch
        self._event = event
        self._id = message_id
        self._base: Values = {"id": message_id}
        for column, key in _BASE_KEYS:
            value = event.get(key)
            if value is not None:
                self._base[column] = value
        self._context: Values = {}

    def run(self, event_type: EventType) -> None:
        context = self._event.get("context")
        if isinstance(context, dict):
            self._walk(context, "context_", self._context, _context_names, str(event_type))
        _RUN[event_type](self)

    def track(self) -> None:
        text = self._event.get("event")
        slug = snakecase(text) if isinstance(text, str) else ""
        values = {**self._base, **self._context, "event_text": text, "event": slug or None}
        if not slug:
            del values["event"]
        self._add("tracks", values)
        if not slug:
            self._batch.discards.add("tracks", "event", self._id, text, DiscardKind.NO_NAME)
            return
        name = table_of(slug)
        if not self._selection.takes(name):
            return
        self._walk_own("properties", name, values)
        self._add(name, values)

    def page(self) -> None:
        self._view("pages")

    def screen(self) -> None:
        self._view("screens")

    def identify(self) -> None:
        traits = self._call("identifies", "traits", {})
        self._object("users", "identifies", "user_id", self._event.get("userId"), traits)

    def group(self) -> None:
        group_id = self._event.get("groupId")
        traits = self._call("groups", "traits", {"group_id": group_id})
        self._object("accounts", "groups", "group_id", group_id, traits)

    def alias(self) -> None:
        self._call("aliases", "traits", {"previous_id": self._event.get("previousId")})

    def set(self, is_of_deleted: Callable[[object], bool]) -> None:
        """What is told of an object of a collection. A property writes its column, but for those of every object."""
        collection, received_at = str(self._event["collection"]), str(self._event["receivedAt"])
        name = table_of(collection)
        if not self._selection.takes(name):
            return
        objects = self._batch.collection(name, collection)
        if objects is None:
            self._batch.discards.add(name, "", self._id, "", DiscardKind.TOO_MANY_TABLES)
            return
        values: Values = {}
        self._walk(self._event["properties"], "", values, _column_names, name)
        if "received_at" in values:
            self._batch.discards.add(
                name, "received_at", self._id, values.pop("received_at"), DiscardKind.RESERVED_NAME
            )
        if is_of_deleted(values.get("user_id")):
            return
        values = self._selection.kept(name, values)
        self._batch.object_cells += len(values)
        objects.calls.append(ObjectCall(self._id, "", received_at, values))

    def _view(self, table: str) -> None:
        event = self._event
        self._call(table, "properties", {"name": event.get("name"), "category": event.get("category")})

    def _call(self, table: str, section: str, own: Mapping[str, Any]) -> Values:
        """Add the row of a call that has one table; answers the columns that came from `section`."""
        if not self._selection.takes(table):
            return {}
        values = {**self._base, **self._context}
        values.update({column: value for column, value in own.items() if value is not None})
        before = len(values)
        self._walk_own(section, table, values)
        self._add(table, values)
        return dict(list(values.items())[before:])

    def _object(self, name: str, calls_table: str, key: str, object_id: object, traits: Values) -> None:
        """An object follows its calls: without their rows nothing tells a new call from one that was loaded."""
        selection = self._selection
        if not isinstance(object_id, str) or not object_id or not selection.takes(calls_table):
            return
        if not selection.takes(name):
            return
        objects = self._batch.objects.get(name)
        if objects is None:
            objects = self._batch.objects[name] = ObjectBatch(name, calls_table, key)
        received_at = str(self._base.get("received_at", ""))
        values = selection.kept(name, selection.kept(calls_table, {**self._context, **traits}))
        objects.calls.append(ObjectCall(object_id, self._id, received_at, values))

    def _add(self, name: str, values: Values) -> None:
        if not self._selection.takes(name):
            return
        table = self._batch.table(name, DECLARED.get(name, EVENT_TABLE_COLUMNS))
        if table is None:
            self._batch.discards.add(name, "", self._id, "", DiscardKind.TOO_MANY_TABLES)
            return
        table.add(self._id, self._selection.kept(name, values), self._batch.discards)

    def _walk_own(self, section: str, table: str, values: Values) -> None:
        """Flatten properties or traits into `values`, whose present columns are the message's own."""
        found = self._event.get(section)
        if not isinstance(found, dict):
            return
        own: Values = {}
        self._walk(found, "", own, _column_names, table)
        reserved = DISCARDED_NAMES.get(table, DISCARDED_NAMES[""])
        for name, value in own.items():
            if name in reserved or name in values:
                if values.get(name) != value or name in reserved:
                    self._batch.discards.add(table, name, self._id, value, DiscardKind.RESERVED_NAME)
                continue
            values[name] = value

    def _walk(
        self,
        found: Mapping[str, Any],
        path: str,
        into: Values,
        names: ColumnNames,
        table: str,
        depth: int = 0,
    ) -> None:
        for key, value in found.items():
            if value is None:
                continue
            kind = type(value)
            if kind is dict and depth < _DEPTH_LIMIT:
                self._walk(value, f"{path}{key}_", into, names, table, depth + 1)
                continue
            name = names[path + key]
            if not name:
                self._batch.discards.add(table, path + key, self._id, value, DiscardKind.NO_NAME)
                continue
            if kind is list or kind is dict:
                text = _text_of(value)
                if text is None:
                    self._batch.discards.add(table, name, self._id, "", DiscardKind.UNREADABLE)
                    continue
                value = text  # noqa: PLW2901 - an array is its text from here on
            if name in into and into[name] != value:
                self._batch.discards.add(table, name, self._id, into[name], DiscardKind.COLLISION)
            into[name] = value


def _text_of(value: list[Any] | dict[str, Any]) -> str | None:
    """JSON text; None where the nesting is as deep as can be read, but not as can be written."""
    try:
        return _encode(value).decode()
    except RecursionError:
        return None


def _own_name(path: str) -> str:
    """The column of a property or trait. `_` keeps it out of columns that belong to the message or the loader."""
    name = identifier(snakecase(path))
    return "_" + name if name in PREFIXED_NAMES or name.startswith("context_") else name


_column_names = ColumnNames(_own_name)
_context_names = ColumnNames(lambda path: identifier(snakecase(path)))
_BASE_KEYS = (
    ("received_at", "receivedAt"),
    ("sent_at", "sentAt"),
    ("timestamp", "timestamp"),
    ("original_timestamp", "originalTimestamp"),
    ("anonymous_id", "anonymousId"),
    ("user_id", "userId"),
)
_RUN: dict[EventType, Callable[[_Flattening], None]] = {
    EventType.TRACK: _Flattening.track,
    EventType.IDENTIFY: _Flattening.identify,
    EventType.PAGE: _Flattening.page,
    EventType.SCREEN: _Flattening.screen,
    EventType.GROUP: _Flattening.group,
    EventType.ALIAS: _Flattening.alias,
}
