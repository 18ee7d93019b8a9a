"""Who was deleted, for all that read history: what came of these people or objects until then is passed over.

Of those who were suppressed for a while the same is told, to those who bring on its way what has waited.

A deletion of objects of one collection holds two hashes of each: that of the object in its collection, and that of the
bare id, by which requests to source functions are found. The latter says nothing of objects of other collections.
"""

from collections.abc import Callable, Sequence

import structlog

from penstock.spec.mentions import mentioned_in
from penstock.spec.snapshot import DeletionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, object_in, unpacked

logger = structlog.get_logger(__name__)
Open = Callable[[bytes], bytes]
"""Opens a sealed key."""


class Deleted:
    """Those of one workspace. `newest` is the last moment that is meant at all: what came later needs no look."""

    def __init__(self, deletions: Sequence[DeletionSnapshot], key: bytes) -> None:
        self.newest = max(each.before for each in deletions)
        self._hashers = {each.subject_type: SubjectHasher(key, SubjectType(each.subject_type)) for each in deletions}
        self._until: dict[tuple[str, str, int], int] = {}
        """By type of id, source (empty: all) and hash."""
        for each in deletions:
            for digest in unpacked(each.digests):
                person = each.subject_type, each.source_id, digest
                self._until[person] = max(each.before, self._until.get(person, 0))

    def covers(self, source_id: str, user_id: str | None, anonymous_id: str | None, received_at: int) -> bool:
        """Whether an event of a source, which came at that time, is one that nobody may read any more."""
        if received_at > self.newest:
            return False
        for subject_type, subject_id in ((SubjectType.USER_ID, user_id), (SubjectType.ANONYMOUS_ID, anonymous_id)):
            hasher = self._hashers.get(subject_type)
            if hasher is None or not subject_id:
                continue
            if self._is_meant(subject_type, source_id, hasher.digest(subject_id), received_at):
                return True
        return False

    def covers_request(self, source_id: str, text: bytes, received_at: int) -> bool:
        """The same of a request to a source function, where any of its values may be an id; False for an event."""
        if received_at > self.newest:
            return False
        return any(
            self._is_meant(subject_type, source_id, hasher.digest(value), received_at)
            for value in mentioned_in(text)
            for subject_type, hasher in self._hashers.items()
        )

    def covers_object(self, source_id: str, collection: str, object_id: str, received_at: int) -> bool:
        """The same of what was told of an object: deleted in all sources, or in this one and its collection."""
        hasher = self._hashers.get(SubjectType.OBJECT_ID)
        if hasher is None or received_at > self.newest:
            return False
        anywhere, here = hasher.digest(object_id), hasher.digest(object_in(collection, object_id))
        until = self._until.get((SubjectType.OBJECT_ID, "", anywhere), -1)
        return received_at <= max(until, self._until.get((SubjectType.OBJECT_ID, source_id, here), -1))

    def _is_meant(self, subject_type: str, source_id: str, digest: int, received_at: int) -> bool:
        until = (self._until.get((subject_type, scope, digest), -1) for scope in ("", source_id))
        return received_at <= max(until)


class Deletions:
    """Those of all workspaces, each read anew when its snapshots are others.

    With `of_suppressions` those who are suppressed no more, in the place of those who were deleted.
    """

    def __init__(self, open_key: Open, *, of_suppressions: bool = False) -> None:
        self._open_key = open_key
        self._of_suppressions = of_suppressions
        self._known: dict[str, tuple[tuple[DeletionSnapshot, ...], Deleted | None]] = {}

    def among(self, deletions: tuple[DeletionSnapshot, ...]) -> Deleted | None:
        """Of the workspace that these are of; None where nobody was deleted."""
        if not deletions:
            return None
        workspace_id = deletions[0].workspace_id
        known = self._known.get(workspace_id)
        if known is None or known[0] is not deletions:
            known = self._known[workspace_id] = (deletions, self._read(deletions))
        return known[1]

    def _read(self, deletions: tuple[DeletionSnapshot, ...]) -> Deleted | None:
        meant = [each for each in deletions if each.ends_suppression is self._of_suppressions]
        if not meant:
            return None
        try:
            return Deleted(meant, self._open_key(meant[0].sealed_key))
        except Exception:
            logger.exception("Who was deleted cannot be told: the key cannot be opened.", id=deletions[0].workspace_id)
            return None
