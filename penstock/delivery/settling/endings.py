"""What has ended since the last settling: counts, retries and quarantine, gathered for one atomic batch."""

from dataclasses import dataclass, field

from penstock.spec.delivery import RESPONSE_LIMIT, DeliveryRef, QuarantineRow, RetryRow
from penstock.spec.facts import CountedLatency, CountedOutcome, latency_bucket
from penstock.spec.findings import holds_address
from penstock.spec.outcome import Outcome

_NAMES_LIMIT = 1_000
_VERSIONS_LIMIT = 20
_COUNTS_LIMIT = 4_500
"""Different counts with names of their own: those stand in the head of one message. Past it a name is `other`."""
_LATENCIES_LIMIT = 3_000
_OTHER_NAME = "other"
_BYTES_LIMIT = 8 << 20
_NUMBER_LIMIT = 50_000
_ROW_BYTES = 512
"""What a row has besides: numbers and ids of ours."""

Key = tuple[DeliveryRef, str, str, int, str, int, str]
"""(ref, outcome, reason, event type, event name, minute, app version)."""
LatencyKey = tuple[str, str, str, int, int]
"""(workspace, source, destination, minute, bucket)."""


@dataclass(slots=True)
class Rows:
    """Rows of one frame and the events that they point to."""

    ref: DeliveryRef
    quarantined: list[QuarantineRow] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class RetryRows:
    """Retries for one rung."""

    refs: dict[DeliveryRef, int] = field(default_factory=dict)
    rows: list[RetryRow] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    size: int = 0


def weight_of(row: RetryRow | QuarantineRow) -> int:
    """Bytes that a row and its event take in a frame, at most: names count as if each character took four."""
    names = len(row.message_id) + len(row.event_name) + len(row.reason)
    # A user id of any length stands in a quarantined event and in its row.
    copies = 2 if isinstance(row, QuarantineRow) else 1
    return row.length * copies + len(row.response) + 4 * names + _ROW_BYTES


class Endings:
    """Grows until it is taken by the settler, who begins a new one."""

    def __init__(self) -> None:
        self.counts: dict[Key, list[int]] = {}
        self.latencies: dict[LatencyKey, int] = {}
        self.retries: dict[int, RetryRows] = {}
        self.quarantine: dict[str, Rows] = {}
        self.number = 0
        self.bytes = 0
        self._names: set[str] = set()
        self._versions: set[str] = {""}

    def is_full(self) -> bool:
        """Readers wait for the settler then."""
        if len(self.counts) > 2 * _COUNTS_LIMIT or len(self.latencies) > _LATENCIES_LIMIT:
            return True
        return self.bytes > _BYTES_LIMIT or self.number > _NUMBER_LIMIT

    def count(
        self,
        ref: DeliveryRef,
        outcome: Outcome,
        reason: str,
        event_type: int,
        event_name: str,
        now_ms: int,
        app_version: str = "",
        *,
        is_retried: bool = False,
    ) -> None:
        """One more outcome."""
        minute = now_ms // 60_000
        name = _OTHER_NAME if holds_address(event_name) else _bounded(event_name, self._names, _NAMES_LIMIT)
        version = _bounded(app_version, self._versions, _VERSIONS_LIMIT)
        key = (ref, str(outcome), str(reason), event_type, name, minute, version)
        if (event_name or version) and len(self.counts) >= _COUNTS_LIMIT and key not in self.counts:
            name, version = event_name and _OTHER_NAME, version and _OTHER_NAME
            key = (ref, str(outcome), str(reason), event_type, name, minute, version)
        found = self.counts.setdefault(key, [0, 0])
        found[0] += 1
        found[1] += is_retried
        self.number += 1

    def measure(self, ref: DeliveryRef, received_at: int, now_ms: int) -> None:
        """One delivery has succeeded, so long after its event was received."""
        bucket = latency_bucket(now_ms - received_at)
        key = (ref.workspace_id, ref.source_id, ref.destination_id, now_ms // 60_000, bucket)
        self.latencies[key] = self.latencies.get(key, 0) + 1

    def retry(self, rung: int, ref: DeliveryRef, row: RetryRow, body: bytes) -> None:
        """One delivery goes to a rung; offset, length and ref of the row are set here."""
        rows = self.retries.setdefault(rung, RetryRows())
        number = rows.refs.setdefault(ref, len(rows.refs))
        rows.rows.append(
            RetryRow(
                offset=rows.size,
                length=len(body),
                ref=number,
                event_type=row.event_type,
                event_name=row.event_name,
                message_id=row.message_id,
                attempt=row.attempt,
                first_attempt_at=row.first_attempt_at,
                reason=row.reason,
                response=row.response[:RESPONSE_LIMIT],
            )
        )
        rows.bodies.append(body)
        rows.size += len(body)
        self.bytes += len(body) + len(row.response)
        self.number += 1

    def keep(self, holder: str, ref: DeliveryRef, row: QuarantineRow, body: bytes) -> None:
        """One event goes to the quarantine of a holder; offset and length of the row are set here."""
        rows = self.quarantine.setdefault(holder, Rows(ref))
        rows.quarantined.append(
            QuarantineRow(
                offset=rows.size,
                length=len(body),
                subscription_id=row.subscription_id,
                event_type=row.event_type,
                event_name=row.event_name,
                message_id=row.message_id,
                user_id=row.user_id,
                outcome=row.outcome,
                reason=row.reason,
                attempts=row.attempts,
                first_attempt_at=row.first_attempt_at,
                response=row.response[:RESPONSE_LIMIT],
                is_before_lap=row.is_before_lap,
            )
        )
        rows.bodies.append(body)
        rows.size += len(body)
        self.bytes += len(body) + len(row.response)
        self.number += 1

    def counted(self, event_types: tuple[str, ...]) -> list[CountedOutcome]:
        """The counts as the fold reads them."""
        return [
            CountedOutcome(
                workspace_id=ref.workspace_id,
                source_id=ref.source_id,
                destination_id=ref.destination_id,
                subscription_id=ref.subscription_id,
                outcome=outcome,
                reason=reason,
                event_type=event_types[event_type],
                event_name=event_name,
                minute=minute,
                count=count,
                retries=retries,
                app_version=version,
            )
            for (ref, outcome, reason, event_type, event_name, minute, version), (count, retries) in self.counts.items()
        ]

    def measured(self) -> list[CountedLatency]:
        """The latencies as the fold reads them."""
        return [CountedLatency(*key, count) for key, count in self.latencies.items()]


def _bounded(word: str, known: set[str], limit: int) -> str:
    if word in known:
        return word
    if len(known) >= limit:
        return _OTHER_NAME
    known.add(word)
    return word
