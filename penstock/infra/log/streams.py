"""Questions about whole streams: make, look at, purge. Each is one request to the JetStream API."""

from typing import Any

import msgspec

from penstock.infra.log.connection import status_of
from penstock.infra.log.errors import LogRefused, LogUnavailable, error_of
from penstock.infra.log.link import Link
from penstock.infra.log.message import StreamSpec, StreamState

API = "$JS.API."
STREAM_NOT_FOUND = 10059
MESSAGE_NOT_FOUND = 10057
SHORTEST_DUPLICATE_WINDOW = 100_000_000
"""Nanoseconds, the least that the server takes. Nothing sends message ids: exactness rests on fences alone."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


async def api(link: Link, verb: str, request: dict[str, Any] | None = None, *, seconds: float = 5.0) -> dict[str, Any]:
    """One request to the JetStream API. Raises what `error_of` makes of a refusal."""
    payload = b"" if request is None else _encode(request)
    answer = (await link.exchange([(API + verb, payload, None)], seconds=seconds))[-1]
    if status_of(answer) == "503":
        raise LogUnavailable("JetStream does not answer")
    decoded: dict[str, Any] = _decode(answer.data)
    if "error" in decoded:
        raise error_of(decoded["error"])
    return decoded


async def ensure_stream(link: Link, spec: StreamSpec) -> None:
    """Make the stream, or bring an existing one to this form: its storage stays, its replicas never become fewer."""
    config = _config(spec)
    try:
        standing = (await api(link, f"STREAM.INFO.{spec.name}"))["config"]
    except LogRefused as error:
        if error.code != STREAM_NOT_FOUND:
            raise
        await api(link, f"STREAM.CREATE.{spec.name}", config)
        return
    kept = {"storage": standing["storage"], "num_replicas": max(standing["num_replicas"], spec.replicas)}
    wanted = standing | config | kept
    if wanted != standing:
        await api(link, f"STREAM.UPDATE.{spec.name}", wanted)


def _config(spec: StreamSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "subjects": list(spec.subjects),
        "storage": spec.storage,
        "num_replicas": spec.replicas,
        "retention": "limits",
        "discard": "new" if spec.max_bytes < 0 else "old",
        "max_age": spec.max_age_seconds * 1_000_000_000,
        "max_msgs": -1,
        "max_bytes": spec.max_bytes,
        "max_consumers": -1,
        "max_msg_size": spec.max_payload,
        "max_msgs_per_subject": spec.max_messages_per_subject,
        "duplicate_window": SHORTEST_DUPLICATE_WINDOW,
        "allow_direct": True,
        "allow_atomic": True,
    }


async def state(link: Link, stream: str) -> StreamState:
    answer = await api(link, f"STREAM.INFO.{stream}")
    found = answer["state"]
    return StreamState(
        first=found["first_seq"],
        last=found["last_seq"],
        messages=found["messages"],
        bytes=found["bytes"],
        created=answer["created"],
    )


async def names(link: Link) -> list[str]:
    """Of every stream that there is: of an installation these are few, and the server tells 1,024 at once."""
    found: list[str] = (await api(link, "STREAM.NAMES"))["streams"] or []
    return found


async def stream_exists(link: Link, stream: str) -> bool:
    try:
        await api(link, f"STREAM.INFO.{stream}")
    except LogRefused as error:
        if error.code == STREAM_NOT_FOUND:
            return False
        raise
    return True


async def purge(link: Link, stream: str, below: int, subject: str | None) -> int:
    """Remove messages with a sequence under `below`; returns how many."""
    request: dict[str, Any] = {"seq": below}
    if subject is not None:
        request["filter"] = subject
    return int((await api(link, f"STREAM.PURGE.{stream}", request, seconds=30.0))["purged"])


async def erase(link: Link, stream: str, sequence: int) -> bool:
    """Whether it was still there."""
    try:
        await api(link, f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": False})
    except LogRefused as error:
        if error.code != MESSAGE_NOT_FOUND:
            raise
        return False
    return True
