"""Events of people who were deleted or suppressed since they came: delivery reads history, and must not revive them.

Who is suppressed is asked only of what has waited: retries, and what a destination reads that is behind. The pipeline
has asked of everything else a moment ago. The end of a suppression brings nothing back that had come by then.
"""

from collections.abc import Callable

from penstock.delivery.reading.frames import RoutedEvent, person_of
from penstock.spec.deletions import Deletions, Open
from penstock.spec.delivery import DeliveryRef
from penstock.spec.outcome import DestinationReason
from penstock.spec.snapshot import DeletionSnapshot, SuppressionSnapshot
from penstock.spec.suppressed import Suppressions

DeletionsOf = Callable[[str], tuple[DeletionSnapshot, ...]]
SuppressionsOf = Callable[[str], tuple[SuppressionSnapshot, ...]]
"""By workspace, as they are published now."""


class Forgotten:
    """Tells whether an event is one of those."""

    def __init__(self, deletions_of: DeletionsOf, suppressions_of: SuppressionsOf, open_key: Open) -> None:
        self._deletions_of = deletions_of
        self._suppressions_of = suppressions_of
        self._deletions = Deletions(open_key)
        self._ended = Deletions(open_key, of_suppressions=True)
        self._suppressions = Suppressions(open_key)

    def ends(self, event: RoutedEvent, time_ms: int, *, has_waited: bool) -> DestinationReason | None:
        """Why it goes no further; None where it does."""
        if self.covers(event, time_ms):
            return DestinationReason.USER_DELETED
        received_at = event.received_at or time_ms
        if has_waited and self._is_suppressed(event.workspace_id, event.source_id, event.user_id, received_at):
            return DestinationReason.USER_SUPPRESSED
        return None

    def ends_retry(self, ref: DeliveryRef, body: bytes) -> DestinationReason | None:
        """The same of one that was tried, or has waited for that."""
        if self.covers_retry(ref, body):
            return DestinationReason.USER_DELETED
        person = person_of(body)
        is_suppressed = self._is_suppressed(ref.workspace_id, ref.source_id, person.user_id, person.received_at)
        return DestinationReason.USER_SUPPRESSED if is_suppressed else None

    def _is_suppressed(self, workspace_id: str, source_id: str, user_id: str | None, received_at: int) -> bool:
        """Now, or still when it came or later."""
        found = self._suppressions.of(source_id, self._suppressions_of(workspace_id))
        if found is not None and user_id is not None and user_id in found:
            return True
        ended = self._ended.among(self._deletions_of(workspace_id))
        return ended is not None and ended.covers(source_id, user_id, None, received_at)

    def covers(self, event: RoutedEvent, time_ms: int) -> bool:
        """`time_ms` is when its frame was written: an event that does not tell when it came had come by then."""
        found = self._deletions.among(self._deletions_of(event.workspace_id))
        if found is None:
            return False
        received_at = event.received_at or time_ms
        if found.covers(event.source_id, event.user_id, event.anonymous_id, received_at):
            return True
        is_nobodys = not event.user_id and not event.anonymous_id
        return is_nobodys and found.covers_request(event.source_id, event.body, received_at)

    def covers_retry(self, ref: DeliveryRef, body: bytes) -> bool:
        """One that does not tell when it came is as old as can be."""
        found = self._deletions.among(self._deletions_of(ref.workspace_id))
        if found is None:
            return False
        person = person_of(body)
        if person.user_id or person.anonymous_id:
            return found.covers(ref.source_id, person.user_id, person.anonymous_id, person.received_at)
        return found.covers_request(ref.source_id, body, person.received_at)
