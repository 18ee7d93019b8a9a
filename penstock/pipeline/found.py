"""Sums what ROUTED frames tell of names and violations, by source and day, until a fact takes it."""

import msgspec
import structlog

from penstock.pipeline.names import Names
from penstock.pipeline.seen import SeenSum
from penstock.spec.facts import SeenOnDay, ViolatedOnDay
from penstock.spec.findings import (
    OTHER,
    Budget,
    SeenShape,
    ViolationCount,
    ViolationSample,
    decode_findings,
    holds_address,
)
from penstock.spec.routed import RoutedHead, SourceRef

logger = structlog.get_logger(__name__)

DAY_MS = 86_400_000
BYTES_LIMIT = 1 << 20
"""Of names in one fact, and again of what tells violations apart. What is beyond is `other`."""
SAMPLES = 3
"""Of one way of violating in one fact: the last ones."""
_Event = tuple[str, str, int, str, str]
_Way = tuple[str, str, int, str, str, str, str, float, str, str]


class _Times:
    """When something was seen first and last."""

    def __init__(self, first: int) -> None:
        self.first = self.last = first

    def add(self, time: int) -> None:
        self.first, self.last = min(self.first, time), max(self.last, time)


class _Seen(_Times):
    def __init__(self, first: int, budget: Budget) -> None:
        super().__init__(first)
        self.sum = SeenSum(budget)


class _Violated(_Times):
    def __init__(self, first: int) -> None:
        super().__init__(first)
        self.count = 0
        self.samples: list[ViolationSample] = []


class Found:
    """Grows until it is taken."""

    def __init__(self) -> None:
        self._seen: dict[_Event, _Seen] = {}
        self._violated: dict[_Way, _Violated] = {}
        self._names, self._ways = Budget(BYTES_LIMIT), Budget(BYTES_LIMIT)
        self._characters = 0
        """Of the names of all shapes."""

    @property
    def is_large(self) -> bool:
        """Whether it should be taken soon, lest it tells less."""
        return self._characters > BYTES_LIMIT // 4 or self._names.is_half_used or self._ways.is_half_used

    def add(self, head: RoutedHead, now_ms: int, names: Names) -> None:
        """The times of all events of a frame are that of the frame."""
        try:
            findings = decode_findings(head.findings)
        except msgspec.MsgspecError as error:
            logger.error("Findings cannot be read.", covers=head.covers, reason=str(error))  # noqa: TRY400
            return
        time = head.received_at or now_ms
        for shape in findings.seen:
            if holds_address(shape.event_name):
                continue
            source = head.sources[shape.source]
            name = names.bounded(source.source_id, f"{shape.event_type} {shape.event_name}", time // 60_000)
            self._add_seen(source, shape, time, OTHER if name == OTHER else shape.event_name)
        for violation in findings.violations:
            self._add_violated(head.sources[violation.source], violation, time)

    def _add_seen(self, source: SourceRef, shape: SeenShape, time: int, name: str) -> None:
        key = (source.workspace_id, source.source_id, time // DAY_MS, shape.event_type, name)
        if key not in self._seen and not self._names.takes(*key[:2], name):
            key = (*key[:4], OTHER)
        if (found := self._seen.get(key)) is None:
            found = self._seen[key] = _Seen(time, self._names)
        found.add(time)
        self._characters += found.sum.add(shape, has_room=self._characters < BYTES_LIMIT)

    def _add_violated(self, source: SourceRef, one: ViolationCount, time: int) -> None:
        about = (source.workspace_id, source.source_id, time // DAY_MS, one.event_type)
        key: _Way = (*about, one.event_name, one.rule_type, one.rule_key, one.rule_version, one.field, one.kind)
        told = [text for sample in one.samples[-1:] for text in sample] * SAMPLES
        is_persons = holds_address(one.event_name) or holds_address(one.field)
        if is_persons or (key not in self._violated and not self._ways.takes(*key[4:7], *key[8:], *told)):
            key = (*about, OTHER, one.rule_type, OTHER, 0.0, OTHER, OTHER)
        if (found := self._violated.get(key)) is None:
            found = self._violated[key] = _Violated(time)
        found.add(time)
        found.count += one.count
        samples = (
            ViolationSample(message_id, time, "" if holds_address(description) else description)
            for message_id, description in one.samples
        )
        found.samples = [*found.samples, *samples][-SAMPLES:]

    def seen(self) -> list[SeenOnDay]:
        """To be asked once, when it is taken."""
        return [
            SeenOnDay(*key, found.sum.count, found.first, found.last, found.sum.properties())
            for key, found in self._seen.items()
        ]

    def violated(self) -> list[ViolatedOnDay]:
        return [
            ViolatedOnDay(*key, found.count, found.first, found.last, found.samples)
            for key, found in self._violated.items()
        ]
