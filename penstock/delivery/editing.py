"""Stages D6 and D7: the filters of one destination and the transformations for it, compiled once per snapshot."""

from typing import Any

import structlog

from penstock.delivery.reading.frames import RoutedEvent
from penstock.spec.edits.filters import Filters
from penstock.spec.edits.transformations import Open, Transformations, no_key
from penstock.spec.snapshot import DestinationSnapshot

logger = structlog.get_logger(__name__)


class Editing:
    """Drops an event, or passes it on changed; other destinations keep what they share.

    A filter that cannot be compiled, or has no answer for an event, drops it: told once, for it may be every event. A
    transformation in such trouble changes nothing.
    """

    def __init__(self, destination: DestinationSnapshot, open_key: Open = no_key) -> None:
        self._filters = Filters(destination.filters)
        self._transformations = Transformations(destination.transformations, open_key)
        self._destination_id = destination.id
        self._told: set[str] = set()
        for identifier, reason in self._filters.broken.items():
            self._tell(identifier, "A filter cannot be compiled; its destination gets nothing.", reason=reason)
        for identifier, reason in self._transformations.broken.items():
            self._tell(identifier, "A transformation cannot be compiled; it changes nothing.", reason=reason)

    def apply(self, event: RoutedEvent) -> RoutedEvent | None:
        """The event that goes on; None where it is dropped."""
        if not self._filters and not self._transformations:
            return event
        document = event.document
        if document is None:
            # What cannot be looked into is kept back, but only by filters: they are there to keep something back.
            return None if self._filters else event
        filtered = self._filters.apply(document, event.message_id)
        if filtered.unjudged:
            told = "A filter's condition has no answer for an event, which is dropped, and so are others like it."
            self._tell(filtered.unjudged, told, message_id=event.message_id)
        if filtered.event is None:
            return None
        changed = self._transformations.apply(filtered.event).event
        if changed is None:
            return None
        return event if changed is document else event.with_document(changed)

    def _tell(self, identifier: str, sentence: str, **about: Any) -> None:
        if identifier not in self._told:
            self._told.add(identifier)
            logger.error(sentence, destination=self._destination_id, edit=identifier, **about)
