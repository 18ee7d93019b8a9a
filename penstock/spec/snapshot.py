"""The configuration that the control plane publishes and the data plane reads: one frozen struct per configured thing.

A value in the bucket is a SNAPSHOT frame whose head is `SnapshotEnvelope`; the key is `<workspaceId>.<kind>.<id>`. Wire
JSON (settings, mappings) is kept as raw JSON bytes; secret settings are sealed with the installation key and opened
only by delivery, warehousing and functions.
"""

from enum import StrEnum
from typing import Literal

import msgspec

from penstock.spec.frame import Decoder, Kind, encode


class SnapshotKind(StrEnum):
    SOURCE = "source"
    DESTINATION = "destination"
    WAREHOUSE = "warehouse"
    PLAN = "plan"
    FUNCTION = "function"
    SUPPRESSION = "suppression"
    DELETION = "deletion"


IpHandling = Literal["keep", "truncate", "drop"]


class HashSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """How a transformation makes values unreadable; with a key by HMAC."""

    algorithm: str
    paths: list[str]
    encoding: str = ""
    sealed_key: bytes = b""
    """Empty: none."""


class TransformationSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One enabled transformation, in the order of their making."""

    id: str
    condition: str
    """FQL (wire `if`)."""
    drop: bool = False
    new_event_name: str = ""
    renames: list[tuple[str, str]] = []
    """Old and new name."""
    values: list[tuple[str, str]] = []
    """Path and the text that is written there."""
    expressions: list[tuple[str, str]] = []
    """Path and the FQL whose value is written there."""
    allowed: list[str] | None = None
    hashed: HashSnapshot | None = None


CommonControl = Literal["ALLOW", "BLOCK", "OMIT"]


class ControlSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """What becomes of events of one kind that are not as the plan has them (protocols.md §6)."""

    allows_unplanned_events: bool = True
    allows_unplanned_members: bool = True
    """Members are properties or traits."""
    allows_events_on_violations: bool = True
    allows_members_on_violations: bool = True
    common: CommonControl = "ALLOW"


class SchemaControlsSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The schema settings of a source. Pages and screens go by those of track."""

    track: ControlSnapshot = ControlSnapshot()
    identify: ControlSnapshot = ControlSnapshot()
    group: ControlSnapshot = ControlSnapshot()
    violations_to: str = ""
    """The source that gets an event for each violation; empty: none."""
    blocked_to: str = ""
    """The source that gets the events that are blocked; empty: none."""


class SchemaFiltersSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """What of a source without a plan does not pass, by names (protocols.md §8)."""

    blocked: list[tuple[str, str]] = []
    """Events, by type and name."""
    omitted: list[tuple[str, str, str]] = []
    """Properties by type and name of their events; traits by type, the name is empty."""


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
    event_rate: int = 0
    """Events a second that an edge takes of it; 0: as many as the installation's setting says; -1: any."""
    ip: IpHandling = "keep"
    """What becomes of `context.ip`."""
    plan_id: str = ""
    """Its tracking plan; empty: none."""
    controls: SchemaControlsSnapshot = SchemaControlsSnapshot()
    transformations: list[TransformationSnapshot] = []
    """Those for all that the source is connected to."""
    filters: SchemaFiltersSnapshot = SchemaFiltersSnapshot()
    """They act while the source has no plan."""
    keeps_blocked: bool = True
    """Whether events that it blocks go to quarantine."""


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


class FilterAction(StrEnum):
    """What a destination filter does, in the order in which all filters of a destination do it."""

    SAMPLE = "SAMPLE"
    DROP = "DROP"
    DROP_PROPERTIES = "DROP_PROPERTIES"
    ALLOW_PROPERTIES = "ALLOW_PROPERTIES"


class FilterActionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One action of a filter, with what its type needs."""

    type: str
    fields: dict[str, list[str]] = {}
    """Names of keys by the path of the object that holds them; the empty path is the event itself."""
    percent: float = 0.0
    path: str = ""


class DestinationFilterSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One enabled filter of a destination, in the order of their making."""

    id: str
    condition: str
    """FQL, or `all` (wire `if`)."""
    actions: list[FilterActionSnapshot]


class InsertionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The function that changes events before a destination, with the settings that it has there."""

    function_id: str
    settings: bytes = b"{}"
    """Raw JSON; what is sealed stands beside."""
    sealed_secrets: bytes = b""
    """A JSON object that is laid over them; empty: none."""


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
    filters: list[DestinationFilterSnapshot] = []
    transformations: list[TransformationSnapshot] = []
    """Those of its source for destinations of its type."""
    function_id: str = ""
    """The function that it is; empty: official code delivers."""
    insertion: InsertionSnapshot | None = None
    consent_categories: list[str] = []
    """All of which must be consented to, where an event tells of consent."""
    blocked_events: list[tuple[str, str]] = []
    """(type, name) of events that it does not get; the name is that of tracked ones, else empty."""
    lap: str = ""
    """`SOURCE` or `INSERT_SOURCE`: a function of its source, which takes what is marked for it, and whose results are
    judged by the pipeline. Empty: a destination."""


class RuleSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One rule of a tracking plan."""

    type: str
    key: str
    version: float
    json_schema: bytes
    """Raw JSON."""


class PlanSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One tracking plan."""

    id: str
    workspace_id: str
    version: int
    name: str
    rules: list[RuleSnapshot]


class FunctionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One function, in the version that runs."""

    id: str
    workspace_id: str
    version: int
    name: str
    kind: str
    """`SOURCE`, `DESTINATION`, `INSERT_DESTINATION` …"""
    code: str
    required: tuple[str, ...] = ()
    """Settings that it does not run without."""
    sensitive: tuple[str, ...] = ()
    """Settings whose values are shown to nobody."""
    deployed_at: int = 0
    """When somebody last had it deployed, which starts it anew also where its code is the same; 0 where nobody has."""


class SelectionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """What a warehouse does not load of one source, by names of tables and columns; the rest is loaded."""

    source_id: str
    is_off: bool = False
    """Nothing of the source is loaded."""
    collections: list[str] = []
    properties: dict[str, list[str]] = {}
    """By collection."""


class ScheduleSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """At which hours of the day a warehouse is loaded, in place of the interval."""

    hours: list[int]
    timezone: str


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
    selections: list[SelectionSnapshot] = []
    """One for each source of which something is off."""
    schedule: ScheduleSnapshot | None = None


class SuppressionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """One segment of the people who are suppressed in a workspace, as sorted keyed hashes (spec/suppression.py).

    A base holds all hashes that begin with its prefix. What came later is laid over the bases by `number`.
    """

    id: str
    workspace_id: str
    version: int
    source_id: str
    """Empty: all sources of the workspace."""
    sealed_key: bytes
    """The workspace's, by which ids are hashed."""
    number: int
    """0: a base."""
    bits: int = 0
    """Of a base: how many bits its prefix has."""
    prefix: int = 0
    suppressed: bytes = b""
    ended: bytes = b""
    """Those that are suppressed no more; never in a base."""


class DeletionSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """People of whom nothing that came until a moment may be read any more, as sorted keyed hashes."""

    id: str
    """Of the regulation."""
    workspace_id: str
    version: int
    source_id: str
    """Empty: all sources of the workspace."""
    sealed_key: bytes
    subject_type: str
    before: int
    """Milliseconds; what came in this one is meant too."""
    digests: bytes
    ends_suppression: bool = False
    """They were suppressed until that moment: what came by then is taken no more, and what is stored stays."""


Snapshot = (
    SourceSnapshot
    | DestinationSnapshot
    | WarehouseSnapshot
    | PlanSnapshot
    | FunctionSnapshot
    | SuppressionSnapshot
    | DeletionSnapshot
)

TYPES: dict[SnapshotKind, type[Snapshot]] = {
    SnapshotKind.SOURCE: SourceSnapshot,
    SnapshotKind.DESTINATION: DestinationSnapshot,
    SnapshotKind.WAREHOUSE: WarehouseSnapshot,
    SnapshotKind.PLAN: PlanSnapshot,
    SnapshotKind.FUNCTION: FunctionSnapshot,
    SnapshotKind.SUPPRESSION: SuppressionSnapshot,
    SnapshotKind.DELETION: DeletionSnapshot,
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
