"""The configuration that the control plane publishes and the data plane reads: one frozen struct per configured thing.

A value in the bucket is a SNAPSHOT frame whose head is `SnapshotEnvelope`; the key is `<workspaceId>.<kind>.<id>`. Wire
JSON (settings, mappings) is kept as raw JSON bytes; secret settings are sealed with the installation key and opened
only by delivery, warehousing and functions.
"""

from enum import StrEnum

import msgspec

from penstock.spec.frame import Decoder, Kind, encode


class SnapshotKind(StrEnum):
    SOURCE = "source"
    DESTINATION = "destination"
    WAREHOUSE = "warehouse"


class SourceSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One source as edge and pipeline see it."""

    id: str
    workspace_id: str
    version: int
    slug: str
    name: str
    enabled: bool
    write_keys: list[str]
    created_at: int
    schema_name: str
    """The warehouse schema, fixed when the source was made (warehouses.md §5)."""
    platform: str = ""
    """`website`, `mobile`, `server` or empty: decides `channel` and `context.ip` (tracking-api.md §9.2)."""
    is_workspace_locked: bool = False


class SubscriptionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One mapping of a destination, in mapping order."""

    id: str
    name: str
    action: str
    """Key of the action in the package."""
    trigger: str
    mapping: bytes
    """Raw JSON of the mapping (wire `settings`)."""
    enabled: bool
    takes_batches: bool = True
    """Whether the action's code has a way for batches: one without it refuses them, whatever the mapping asks for."""


class DestinationSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One destination as delivery sees it."""

    id: str
    workspace_id: str
    version: int
    source_id: str
    metadata_id: str
    name: str
    integration_names: list[str]
    """Keys of the `integrations` object that mean this destination: the display name and its previous ones."""
    supported_types: list[str]
    enabled: bool
    created_at: int
    enabled_at: int
    """Milliseconds: when it was made, and when it was last switched on (0: never). Reading starts at the later one."""
    sealed_settings: bytes
    subscriptions: list[SubscriptionSnapshot]


class WarehouseSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One warehouse as warehousing sees it. `excluded` lists the sources that are not connected."""

    id: str
    workspace_id: str
    version: int
    slug: str
    name: str
    enabled: bool
    created_at: int
    sealed_settings: bytes
    excluded: list[str] = []


Snapshot = SourceSnapshot | DestinationSnapshot | WarehouseSnapshot

TYPES: dict[SnapshotKind, type[Snapshot]] = {
    SnapshotKind.SOURCE: SourceSnapshot,
    SnapshotKind.DESTINATION: DestinationSnapshot,
    SnapshotKind.WAREHOUSE: WarehouseSnapshot,
}


class SnapshotEnvelope(msgspec.Struct, array_like=True, frozen=True):
    """What stands in the bucket: the version decides who replaces whom; a tombstone has no value."""

    kind: str
    id: str
    workspace_id: str
    version: int
    is_deleted: bool


decoder = Decoder(Kind.SNAPSHOT, SnapshotEnvelope)
_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(snapshot) for kind, snapshot in TYPES.items()}


def key_of(workspace_id: str, kind: SnapshotKind, identifier: str) -> str:
    return f"{workspace_id}.{kind}.{identifier}"


def encode_snapshot(kind: SnapshotKind, snapshot: Snapshot) -> bytes:
    """The frame of a living snapshot."""
    envelope = SnapshotEnvelope(kind, snapshot.id, snapshot.workspace_id, snapshot.version, False)
    return encode(Kind.SNAPSHOT, envelope, [_encoder.encode(snapshot)])


def encode_tombstone(kind: SnapshotKind, workspace_id: str, identifier: str, version: int) -> bytes:
    """The frame of a deleted resource; it keeps its version so that an older value cannot bring it back."""
    return encode(Kind.SNAPSHOT, SnapshotEnvelope(kind, identifier, workspace_id, version, True))


def decode_snapshot(payload: bytes) -> tuple[SnapshotEnvelope, Snapshot | None]:
    """(envelope, value or None for a tombstone). Raises FrameError, msgspec.MsgspecError, ValueError (unknown kind)."""
    envelope, body = decoder.frame(payload)
    if envelope.is_deleted:
        return envelope, None
    return envelope, _decoders[SnapshotKind(envelope.kind)].decode(body)
