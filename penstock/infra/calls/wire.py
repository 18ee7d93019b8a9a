"""What stands on the wire of a call: MessagePack bodies, and headers for all that is not the call itself.

Who asks looks every now and then whether anybody is left who could answer: where the call was taken, at the process
that said so, else at all that hear such calls. For a role that is killed with a call in hand says nothing more.

A reply longer than `CHUNK` goes out in parts, in order, on the asker's subject; the last part says how many there are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from penstock.spec.calls import Call, Stream

DEADLINE = "Penstock-Deadline-Ms"
KEY = "Penstock-Key"
LAST = "Penstock-Parts"
ERROR_CODE = "Penstock-Error"
TAKEN = "Penstock-Taken"
"""Of the asker: it wants to know who took the call. Of the answerer: where that process can be looked for."""
LOOK = "Penstock-Look"
"""No call: is anybody there?"""
STREAM = "Penstock-Stream"
LEASE = "Penstock-Lease-Ms"
"""How long who answers goes on without hearing again; 0 ends the stream."""

CHUNK = 512 << 10
LARGEST_REPLY = 32 << 20
"""Under what the server holds for one connection that is slow to read (64 MiB)."""
LARGEST_MESSAGE = 2_000

encode = msgspec.msgpack.Encoder().encode
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def decode(body: bytes, expected: type[Any]) -> Any:
    """Raises msgspec.MsgspecError."""
    if (decoder := _decoders.get(expected)) is None:
        decoder = _decoders[expected] = msgspec.msgpack.Decoder(expected)
    return decoder.decode(body)


def subject_of(call: Call | type[Call], role: str) -> str:
    return f"call.{role}.{call.VERB}"


def each_of(call: Call | type[Call], role: str) -> str:
    """Where every process of a role hears, each for itself."""
    return f"{subject_of(call, role)}.each"


def process_of(identifier: str) -> str:
    """Where one process hears whether it is there."""
    return f"call.process.{identifier}"


def wishes_of(stream: type[Stream]) -> str:
    """Where a stream is asked for. Every process that serves it listens, each for itself."""
    return f"stream.{stream.VERB}"


def items_of(stream: Stream, identifier: str) -> str:
    """Where the items for one asker are sent."""
    return f"stream.{stream.VERB}.{identifier}"


def parts(body: bytes, headers: Mapping[str, str]) -> Iterator[tuple[bytes, dict[str, str]]]:
    """The messages of one reply."""
    count = max(1, -(-len(body) // CHUNK))
    for number in range(count - 1):
        yield body[number * CHUNK : (number + 1) * CHUNK], {}
    yield body[(count - 1) * CHUNK :], {**headers, LAST: str(count)}
