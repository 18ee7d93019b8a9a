"""What stands on the wire of a call: MessagePack bodies, and headers for all that is not the call itself.

A reply longer than `CHUNK` goes out in parts, in order, on the asker's subject; the last part says how many there are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from penstock.spec.calls import Call

DEADLINE = "Penstock-Deadline-Ms"
KEY = "Penstock-Key"
LAST = "Penstock-Parts"
ERROR_CODE = "Penstock-Error"

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


def parts(body: bytes, headers: Mapping[str, str]) -> Iterator[tuple[bytes, dict[str, str]]]:
    """The messages of one reply."""
    count = max(1, -(-len(body) // CHUNK))
    for number in range(count - 1):
        yield body[number * CHUNK : (number + 1) * CHUNK], {}
    yield body[(count - 1) * CHUNK :], {**headers, LAST: str(count)}
