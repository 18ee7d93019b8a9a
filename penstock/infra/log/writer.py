"""Appending, one message or an atomic batch, with fences. There are no retries: an answer that does not come is
LogTimeout or LogUnavailable, and only the caller knows how to find out what happened.
"""

import secrets
from collections.abc import Mapping, Sequence

import msgspec

from penstock.infra.log import direct
from penstock.infra.log.connection import CoreMessage, status_of
from penstock.infra.log.errors import LogUnavailable, SequenceMismatch, error_of
from penstock.infra.log.link import Link

EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
BATCH_MESSAGES = 1000
"""The server's limit on an atomic batch."""


class _Stored(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    error: dict[str, object] | None = None
    count: int = 0


_decoder = msgspec.json.Decoder(_Stored)


async def append(link: Link, subject: str, payload: bytes, expected_last: int | None, seconds: float) -> int:
    headers = None if expected_last is None else {EXPECTED_LAST: str(expected_last)}
    answers = await link.exchange([(subject, payload, headers)], seconds=seconds)
    return (await _stored(link, answers[-1], subject)).seq


async def append_batch(
    link: Link, messages: Sequence[tuple[str, bytes]], expected_last: Mapping[str, int], seconds: float
) -> int:
    """All or nothing. A fence is checked against the subject's last message before the batch."""
    if not 0 < len(messages) <= BATCH_MESSAGES:
        raise ValueError(f"an atomic batch holds 1 to {BATCH_MESSAGES} messages, not {len(messages)}")
    if unused := set(expected_last) - {subject for subject, _ in messages}:
        raise ValueError(f"fences on subjects that are not in the batch: {sorted(unused)}")
    answers = await link.exchange(_marked(messages, dict(expected_last)), seconds=seconds)
    stored = await _stored(link, answers[-1], messages[-1][0])
    if stored.count != len(messages):
        # A server that does not know batches has stored the last message alone; it is refused at start.
        raise LogUnavailable(f"the log engine stored {stored.count} of {len(messages)} messages of a batch")
    return stored.seq


def _marked(
    messages: Sequence[tuple[str, bytes]], fences: dict[str, int]
) -> list[tuple[str, bytes, Mapping[str, str] | None]]:
    identifier = secrets.token_hex(12)
    marked: list[tuple[str, bytes, Mapping[str, str] | None]] = []
    for number, (subject, payload) in enumerate(messages, 1):
        headers = {"Nats-Batch-Id": identifier, "Nats-Batch-Sequence": str(number)}
        if subject in fences:
            headers[EXPECTED_LAST] = str(fences.pop(subject))
        if number == len(messages):
            headers["Nats-Batch-Commit"] = "1"
        marked.append((subject, payload, headers))
    return marked


async def _stored(link: Link, answer: CoreMessage, subject: str) -> _Stored:
    if status_of(answer) == "503":
        raise LogUnavailable(f"no stream takes {subject}")
    stored = _decoder.decode(answer.data)
    if stored.error is None:
        return stored
    error = error_of(stored.error)
    if isinstance(error, SequenceMismatch) and error.last < 0 and stored.stream:
        found = await direct.last(link, stored.stream, subject)
        raise SequenceMismatch(found.sequence if found else 0)
    raise error
