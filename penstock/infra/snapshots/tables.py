"""The published configuration in memory, as tables that a frame is judged against.

`Snapshots` is what readers hold and never changes under them; `Tables` builds it. Freezing costs nothing: the tables
are handed out, and copied before the next change only (copy on write).
"""

from copy import copy
from typing import Self, TypeVar

from penstock.spec.snapshot import (
    DeletionSnapshot,
    DestinationSnapshot,
    FunctionSnapshot,
    PlanSnapshot,
    Snapshot,
    SnapshotEnvelope,
    SnapshotKind,
    SourceSnapshot,
    SuppressionSnapshot,
    WarehouseSnapshot,
)

Kept = TypeVar("Kept")
Indexed = TypeVar("Indexed", bound=SourceSnapshot | DestinationSnapshot | SuppressionSnapshot | DeletionSnapshot)
OfPeople = TypeVar("OfPeople", SuppressionSnapshot, DeletionSnapshot)


class Snapshots:
    """Configuration at one version (the bucket's revision). Read only."""

    __slots__ = (
        "_by_source",
        "_by_write_key",
        "_deletions_of",
        "_suppressions_of",
        "deletions",
        "destinations",
        "functions",
        "plans",
        "sources",
        "suppressions",
        "version",
        "warehouses",
    )

    def __init__(self) -> None:
        self.version = 0
        self.sources: dict[str, SourceSnapshot] = {}
        self.destinations: dict[str, DestinationSnapshot] = {}
        self.warehouses: dict[str, WarehouseSnapshot] = {}
        self.plans: dict[str, PlanSnapshot] = {}
        self.functions: dict[str, FunctionSnapshot] = {}
        self.suppressions: dict[str, SuppressionSnapshot] = {}
        self.deletions: dict[str, DeletionSnapshot] = {}
        self._deletions_of: dict[str, tuple[DeletionSnapshot, ...]] = {}
        self._suppressions_of: dict[str, tuple[SuppressionSnapshot, ...]] = {}
        self._by_write_key: dict[str, tuple[SourceSnapshot, ...]] = {}
        self._by_source: dict[str, tuple[DestinationSnapshot, ...]] = {}

    def source_by_write_key(self, key: str) -> SourceSnapshot | None:
        """The source with that key; of several (a key was given away) the one published last."""
        owners = self._by_write_key.get(key)
        return owners[-1] if owners else None

    def destinations_of(self, source_id: str) -> tuple[DestinationSnapshot, ...]:
        return self._by_source.get(source_id, ())

    def suppressions_of(self, workspace_id: str) -> tuple[SuppressionSnapshot, ...]:
        """The same tuple for as long as nothing about it is changed."""
        return self._suppressions_of.get(workspace_id, ())

    def deletions_of(self, workspace_id: str) -> tuple[DeletionSnapshot, ...]:
        """The same tuple for as long as nothing about it is changed."""
        return self._deletions_of.get(workspace_id, ())

    def copy(self) -> Self:
        """The same in tables of its own."""
        made = copy(self)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(made, name, value.copy() if isinstance(value, dict) else value)
        return made

    def apply(self, envelope: SnapshotEnvelope, snapshot: Snapshot | None) -> None:
        """Take in one value or tombstone. For `Tables` only, before anybody holds this."""
        kind = SnapshotKind(envelope.kind)
        if kind is SnapshotKind.SOURCE:
            self._put_source(envelope.id, snapshot if isinstance(snapshot, SourceSnapshot) else None)
        elif kind is SnapshotKind.DESTINATION:
            self._put_destination(envelope.id, snapshot if isinstance(snapshot, DestinationSnapshot) else None)
        elif kind is SnapshotKind.WAREHOUSE:
            _put(self.warehouses, envelope.id, snapshot if isinstance(snapshot, WarehouseSnapshot) else None)
        elif kind is SnapshotKind.FUNCTION:
            _put(self.functions, envelope.id, snapshot if isinstance(snapshot, FunctionSnapshot) else None)
        elif kind is SnapshotKind.SUPPRESSION:
            suppression = snapshot if isinstance(snapshot, SuppressionSnapshot) else None
            _put_for_workspace(self.suppressions, self._suppressions_of, envelope.id, suppression)
        elif kind is SnapshotKind.DELETION:
            deletion = snapshot if isinstance(snapshot, DeletionSnapshot) else None
            _put_for_workspace(self.deletions, self._deletions_of, envelope.id, deletion)
        else:
            _put(self.plans, envelope.id, snapshot if isinstance(snapshot, PlanSnapshot) else None)

    def _put_source(self, identifier: str, source: SourceSnapshot | None) -> None:
        before = self.sources.pop(identifier, None)
        for key in before.write_keys if before else ():
            _replace(self._by_write_key, key, identifier, None)
        if source is not None:
            self.sources[identifier] = source
            for key in source.write_keys:
                _replace(self._by_write_key, key, identifier, source)

    def _put_destination(self, identifier: str, destination: DestinationSnapshot | None) -> None:
        before = self.destinations.pop(identifier, None)
        if before is not None:
            _replace(self._by_source, before.source_id, identifier, None)
        if destination is not None:
            self.destinations[identifier] = destination
            _replace(self._by_source, destination.source_id, identifier, destination)


def _put(table: dict[str, Kept], identifier: str, value: Kept | None) -> None:
    if value is None:
        table.pop(identifier, None)
    else:
        table[identifier] = value


def _put_for_workspace(
    table: dict[str, OfPeople], index: dict[str, tuple[OfPeople, ...]], identifier: str, value: OfPeople | None
) -> None:
    before = table.pop(identifier, None)
    if before is not None:
        _replace(index, before.workspace_id, identifier, None)
    if value is not None:
        table[identifier] = value
        _replace(index, value.workspace_id, identifier, value)


def _replace(index: dict[str, tuple[Indexed, ...]], key: str, identifier: str, value: Indexed | None) -> None:
    """Put `value` in the place of what has that identifier under `key`; tuples, so that frozen indexes stand."""
    kept = tuple(one for one in index.get(key, ()) if one.id != identifier)
    found = kept if value is None else (*kept, value)
    if found:
        index[key] = found
    else:
        index.pop(key, None)


class Tables:
    """The current `Snapshots`, changed in place until somebody has frozen them."""

    def __init__(self) -> None:
        self.current = Snapshots()
        self._is_shared = False

    def freeze(self) -> Snapshots:
        self._is_shared = True
        return self.current

    def apply(self, envelope: SnapshotEnvelope, snapshot: Snapshot | None, revision: int) -> None:
        self._own()
        self.current.apply(envelope, snapshot)
        self.current.version = revision

    def skip(self, revision: int) -> None:
        """Count a value that could not be read as seen."""
        self._own()
        self.current.version = revision

    def _own(self) -> None:
        if self._is_shared:
            self.current, self._is_shared = self.current.copy(), False
