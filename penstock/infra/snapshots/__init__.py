"""Published configuration: the control plane writes it with `SnapshotStore`, the data plane reads a `SnapshotView`."""

from penstock.infra.snapshots.codec import LARGEST, SnapshotTooLargeError, pack, unpack
from penstock.infra.snapshots.store import SnapshotStore
from penstock.infra.snapshots.tables import Snapshots
from penstock.infra.snapshots.view import SnapshotView

__all__ = ["LARGEST", "SnapshotStore", "SnapshotTooLargeError", "SnapshotView", "Snapshots", "pack", "unpack"]
