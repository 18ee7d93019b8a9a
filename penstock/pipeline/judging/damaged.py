"""The answer to an ACCEPTED frame that cannot be read."""

from penstock.pipeline.judging.answer import Answer, parts_of
from penstock.pipeline.judging.draft import FAILED
from penstock.pipeline.judging.tally import Tally
from penstock.spec.outcome import IngestReason
from penstock.spec.routed import RoutedHead, SourceRef


def damaged_answer(writer: str, covers: int, count: int, version: int) -> Answer:
    """The empty frame that answers a damaged one: its events end as internal, the stream goes on."""
    tally = Tally()
    tally.count(0, FAILED[IngestReason.INTERNAL], number=max(1, count))
    head = RoutedHead(writer, covers, 0, 1, version, [SourceRef("", "")], [], [], tally.outcomes())
    return Answer(parts_of(head, []), frozenset())
