"""Questions about whole streams: make, look at, purge. Each is one request to the JetStream API."""

from typing import Any

import msgspec

from penstock.infra.log.connection import status_of
from penstock.infra.log.errors import LogRefused, LogUnavailable, error_of
from penstock.infra.log.link import Link
from penstock.infra.log.message import StreamSpec, StreamState

API = "$JS.API."
STREAM_NOT_FOUND = 10059
STREAM_EXISTS_DIFFERENT = 10058
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
    """Make the stream, or bring an existing one to this form; storage and replicas of that one stay as they are."""
    config = _config(spec)
    try:
        await api(link, f"STREAM.CREATE.{spec.name}", config)
    except LogRefused as error:
        if error.code != STREAM_EXISTS_DIFFERENT:
            raise
        standing = (await api(link, f"STREAM.INFO.{spec.name}"))["config"]
        kept = {"storage": standing["storage"], "num_replicas": standing["num_replicas"]}
        await api(link, f"STREAM.UPDATE.{spec.name}", standing | config | kept)


def _config(spec: StreamSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "subjects": list(spec.subjects),
        "storage": spec.storage,
        "num_replicas": spec.replicas,
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
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
