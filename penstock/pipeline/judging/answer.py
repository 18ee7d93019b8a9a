"""The ROUTED frame as it is appended: one message, or several in one atomic batch where it would pass 4 MiB."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from penstock.spec.routed import RoutedHead, RoutedRow, encode_routed
from penstock.spec.tail import TailLine

PART_LIMIT = 4 << 20


class Part(msgspec.Struct, frozen=True):
    """One message of the frame."""

    head: RoutedHead
    payload: bytes


class Answer(msgspec.Struct, frozen=True):
    """What answers one ACCEPTED frame, and the keys that it claims."""

    parts: list[Part]
    claimed: AbstractSet[bytes]
    notes: dict[str, int] = {}
    """What is odd about events that go on all the same, by code: what was mended (`kit/json.py`), times far ahead."""
    lines: list[TailLine] = []
    """What became of each event, where somebody watches."""

    @property
    def head(self) -> RoutedHead:
        """The last part's, which is the position and tells the outcomes."""
        return self.parts[-1].head


def parts_of(head: RoutedHead, pieces: list[bytes]) -> list[Part]:
    """The messages of `head`, whose rows tell the offsets in the joined `pieces`. Outcomes stand in the last."""
    cuts = list(_cuts([row.length + len(row.metadata) for row in head.rows]))
    if len(cuts) == 1:
        return [Part(head, encode_routed(head, pieces))]
    parts = []
    for number, (start, end) in enumerate(cuts):
        is_last = number == len(cuts) - 1
        told = msgspec.structs.replace(
            head,
            part=number,
            parts=len(cuts),
            rows=_placed(head.rows[start:end]),
            claims=head.claims if is_last else [],
            outcomes=head.outcomes if is_last else [],
            people=head.people if is_last else [],
            findings=head.findings if is_last else b"",
        )
        parts.append(Part(told, encode_routed(told, pieces[start:end])))
    return parts


def _cuts(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """(from, to) of the rows of each part; one empty part where there are none."""
    start, total = 0, 0
    for number, size in enumerate(sizes):
        if total and total + size > PART_LIMIT:
            yield start, number
            start, total = number, 0
        total += size
    yield start, len(sizes)


def _placed(rows: list[RoutedRow]) -> list[RoutedRow]:
    """The rows of one part, with offsets into that part."""
    start = rows[0].offset
    return [msgspec.structs.replace(row, offset=row.offset - start) for row in rows]
