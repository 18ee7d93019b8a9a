"""The people whose events are not taken, found by the hash of their user id: the cost does not grow with their number.
Objects of which nothing is taken stand among them.

Of each scope (the workspace, one source) there are sorted bases, chosen by the first bits of a hash, and over them what
came since, in one table.
"""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec
import structlog

from penstock.spec.deletions import Open
from penstock.spec.snapshot import SuppressionSnapshot
from penstock.spec.suppression import DIGEST_SIZE, SubjectHasher, SubjectType, object_in, unpacked

logger = structlog.get_logger(__name__)
_BITS = DIGEST_SIZE * 8


class Scope:
    """The segments of the workspace, or of one source."""

    def __init__(self, segments: Sequence[SuppressionSnapshot]) -> None:
        self._bases: dict[int, dict[int, Sequence[int]]] = {}
        self._laid: dict[int, bool] = {}
        for each in sorted(segments, key=lambda segment: segment.number):
            if each.number:
                self._laid.update(dict.fromkeys(unpacked(each.suppressed), True))
                self._laid.update(dict.fromkeys(unpacked(each.ended), False))
            else:
                self._bases.setdefault(each.bits, {})[each.prefix] = unpacked(each.suppressed)

    def holds(self, digest: int) -> bool:
        laid = self._laid.get(digest)
        if laid is not None:
            return laid
        # There are two sizes of prefixes for a moment only, while one takes the place of the other.
        for bits, bases in self._bases.items():
            base = bases.get(digest >> (_BITS - bits))
            if base is not None:
                place = bisect_left(base, digest)
                if place < len(base) and base[place] == digest:
                    return True
        return False


class Suppressed:
    """Those of one source: by the whole workspace, or by the source alone."""

    def __init__(self, hasher: SubjectHasher, objects: SubjectHasher, scopes: Sequence[Scope]) -> None:
        self._hasher = hasher
        self._objects = objects
        self._scopes = scopes

    def __contains__(self, user_id: str) -> bool:
        digest = self._hasher.digest(user_id)
        for scope in self._scopes:  # noqa: SIM110 - `any` costs as much as the lookup, for each event
            if scope.holds(digest):
                return True
        return False

    def holds_object(self, collection: str, object_id: str) -> bool:
        """By its id in the whole workspace, or by its collection and id in the source."""
        digests = [self._objects.digest(each) for each in (object_id, object_in(collection, object_id))]
        return any(scope.holds(digest) for scope in self._scopes for digest in digests)


class _Workspace(msgspec.Struct, frozen=True):
    segments: tuple[SuppressionSnapshot, ...]
    hashers: tuple[SubjectHasher, SubjectHasher] | None
    """Of user ids and of objects."""
    scopes: dict[str, Scope]
    """By source; the workspace's own under the empty name."""


class Suppressions:
    """Those of all workspaces, each made anew when its segments are others."""

    def __init__(self, open_key: Open) -> None:
        self._open_key = open_key
        self._known: dict[str, _Workspace] = {}

    def of(self, source_id: str, segments: tuple[SuppressionSnapshot, ...]) -> Suppressed | None:
        """Those of a source, by the segments of its workspace; None where nobody is suppressed."""
        if not segments:
            return None
        workspace_id = segments[0].workspace_id
        known = self._known.get(workspace_id)
        if known is None or known.segments is not segments:
            known = self._known[workspace_id] = self._read(segments)
        scopes = [known.scopes[name] for name in ("", source_id) if name in known.scopes]
        return None if known.hashers is None or not scopes else Suppressed(*known.hashers, scopes)

    def _read(self, segments: tuple[SuppressionSnapshot, ...]) -> _Workspace:
        try:
            key = self._open_key(segments[0].sealed_key)
        except Exception:
            logger.exception("Suppressions cannot be told: their key cannot be opened.", id=segments[0].workspace_id)
            return _Workspace(segments, None, {})
        found: dict[str, list[SuppressionSnapshot]] = {}
        for each in segments:
            found.setdefault(each.source_id, []).append(each)
        hashers = SubjectHasher(key, SubjectType.USER_ID), SubjectHasher(key, SubjectType.OBJECT_ID)
        return _Workspace(segments, hashers, {name: Scope(each) for name, each in found.items()})
