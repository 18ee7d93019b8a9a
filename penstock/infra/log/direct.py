"""Reading what is stored, by sequence, subject or time: no consumer, no state on the server.

Invariants:
- A single message is asked of the stream's leader: positions are read so, and in a cluster any other replica may be
  behind what was acknowledged.
- Many are asked of whichever replica answers (direct get). One that is behind tells a beginning of the truth, never a
  gap; that nothing follows is believed of the leader alone.
"""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import msgspec

from penstock.infra.log.connection import CoreMessage, status_of
from penstock.infra.log.errors import LogRefused, LogUnavailable
from penstock.infra.log.link import Link
from penstock.infra.log.message import Message
from penstock.infra.log.streams import API, STREAM_NOT_FOUND, api, state, stream_exists

_encode = msgspec.json.Encoder().encode
END_OF_BATCH, NOT_FOUND = "204", "404"
NO_MESSAGE = 10037
LEADER_SECONDS = 2.0
"""A cluster that elects a leader answers nothing; who asks again soon finds the new one soon."""


async def last(link: Link, stream: str, subject: str) -> Message | None:
    return await _of_leader(link, stream, {"last_by_subj": subject})


async def _of_leader(link: Link, stream: str, request: dict[str, Any]) -> Message | None:
    try:
        found = (await api(link, f"STREAM.MSG.GET.{stream}", request, seconds=LEADER_SECONDS))["message"]
    except LogRefused as error:
        if error.code == NO_MESSAGE:
            return None
        raise
    payload = b64decode(found.get("data") or "")
    return Message(found["subject"], found["seq"], milliseconds(found["time"]), payload)


async def get_batch(
    link: Link,
    stream: str,
    start: int,
    *,
    subject: str | None,
    max_messages: int,
    max_bytes: int,
    seconds: float = 10.0,
) -> list[Message]:
    """Messages from `start` on; the first is returned even where it alone is above `max_bytes`."""
    request: dict[str, Any] = {"seq": max(start, 1), "batch": max_messages, "max_bytes": max_bytes}
    if subject is not None:
        request["next_by_subj"] = subject
    if found := await _batch(link, stream, request, seconds):
        return found
    following = await _of_leader(link, stream, {"seq": max(start, 1), "next_by_subj": subject or ">"})
    return [following] if following else []


async def sequence_at(link: Link, stream: str, time_ms: int) -> int:
    """The first sequence stored at or after a time; one after the last where there is none."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    end = (await state(link, stream)).last + 1
    found = await _of_leader(link, stream, {"start_time": moment})
    return found.sequence if found else end


async def _batch(link: Link, stream: str, request: dict[str, Any], seconds: float) -> list[Message]:
    question = (f"{API}DIRECT.GET.{stream}", _encode(request), None)
    answers = await link.exchange([question], _ends_batch, seconds=seconds)
    return await _messages(link, stream, answers)


def _ends_batch(message: CoreMessage) -> bool:
    return status_of(message) != ""


async def _messages(link: Link, stream: str, answers: list[CoreMessage]) -> list[Message]:
    status = status_of(answers[-1])
    if status == "503":
        if not await stream_exists(link, stream):
            raise LogRefused(STREAM_NOT_FOUND, 404, f"there is no stream {stream}")
        raise LogUnavailable(f"stream {stream} does not answer")
    if status not in {"", END_OF_BATCH, NOT_FOUND}:
        raise LogUnavailable(f"stream {stream} answers {status}")
    return [_message(answer) for answer in answers if status_of(answer) == ""]


def _message(answer: CoreMessage) -> Message:
    headers = answer.headers or {}
    return Message(
        subject=headers["Nats-Subject"],
        sequence=int(headers["Nats-Sequence"]),
        time_ms=milliseconds(headers["Nats-Time-Stamp"]),
        payload=answer.data,
    )


def milliseconds(stamp: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 UTC time with up to nine fractional digits."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + int((fraction + "000")[:3])
