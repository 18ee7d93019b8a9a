"""Where the pipeline goes on after a start or a lost answer: the last ROUTED message, and the index brought up to it.

Errors:
    ShardTaken    another engine writes this shard; this one must end
"""

import msgspec
import structlog

from penstock.infra.log import Log, LogLost, Message
from penstock.pipeline.dedupe import DedupeIndex, keys_of
from penstock.spec.frame import FrameError
from penstock.spec.routed import decoder, stream_name, subject

logger = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000


class ShardTaken(Exception):  # noqa: N818 - the consequence is in the name
    """Another engine owns the shard."""

    def __init__(self, shard: int, writer: str) -> None:
        super().__init__(f"shard {shard} is written by another engine ({writer})")
        self.writer = writer


class Position(msgspec.Struct, frozen=True):
    """The last ROUTED message: its sequence, who wrote it, and the ACCEPTED sequence that it answers. 0: none yet."""

    sequence: int = 0
    covers: int = 0
    writer: str = ""


async def read_position(log: Log, shard: int) -> Position:
    """The position as the log tells it. Raises LogError, FrameError."""
    message = await log.last(stream_name(shard), subject(shard))
    if message is None:
        return Position()
    head = decoder.head(message.payload)
    return Position(message.sequence, head.covers, head.writer)


def check_owner(shard: int, writer: str, before: Position, found: Position) -> None:
    """Whether this process may go on from `found` after it stood at `before`. Raises ShardTaken, LogLost."""
    if found.sequence < before.sequence:
        raise LogLost(f"{stream_name(shard)} ends at {found.sequence}, but {before.sequence} was written")
    if found.sequence != before.sequence and found.writer != writer:
        raise ShardTaken(shard, found.writer)


async def catch_up(log: Log, shard: int, index: DedupeIndex, position: Position, now_ms: int, hours: int) -> str:
    """Bring the index to `position`; returns the life of the stream that it belongs to. Raises LogError.

    An index that is lost, ahead, or of another log is made anew from the heads of the last `hours`, and from the
    position in any case: it may be the only message that is left.
    """
    stream = stream_name(shard)
    created = (await log.state(stream)).created
    applied = index.applied()
    if applied.created == created and applied.sequence <= position.sequence:
        following = applied.sequence + 1
    else:
        logger.info("The dedupe index is made anew.", shard=shard, found=applied.sequence, position=position.sequence)
        index.reset()
        following = min(await log.sequence_at(stream, now_ms - hours * _HOUR_MS), position.sequence)
    while following <= position.sequence and (batch := await log.get_batch(stream, following)):
        claims = [key for message in batch for key in _claims_of(message)]
        index.apply(claims, batch[-1].sequence, created)
        following = batch[-1].sequence + 1
    if index.applied().sequence != position.sequence:
        index.apply((), position.sequence, created)
    return created


def _claims_of(message: Message) -> list[bytes]:
    try:
        return keys_of(decoder.head(message.payload))
    except FrameError as error:
        logger.error(  # noqa: TRY400 - the frame is at fault, not this code
            "A ROUTED frame cannot be read; its ids are not known.", sequence=message.sequence, reason=str(error)
        )
        return []
