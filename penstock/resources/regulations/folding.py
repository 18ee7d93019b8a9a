"""Folds segments of suppressions into sorted bases, so that the data plane keeps few of them, however many there were.

A fold may be killed at any point and begun anew: segments are laid over the bases by their numbers, and go only when
every base holds what they tell. Each base is written in a transaction of its own, so that nobody waits for a large one.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
import structlog
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.outbox import Change, buried, insert_changes, published
from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.kit.clock import Clock
from penstock.kit.ids import derived_id
from penstock.resources.regulations.segments import Segment, snapshot_of
from penstock.resources.regulations.table import regulation_keys
from penstock.resources.regulations.table import suppression_segments as segments
from penstock.spec.snapshot import SnapshotKind
from penstock.spec.suppression import DIGEST_SIZE, packed, unpacked

logger = structlog.get_logger(__name__)
LAID_LIMIT = 64
"""Segments of one scope before they are folded."""
BASE_DIGESTS = 1 << 16
"""Hashes in a base, about: half a mebibyte."""
ROUND_SECONDS = 30.0
_BITS = DIGEST_SIZE * 8
Scope = tuple[str, str]
"""Workspace and source."""
Published = Callable[[int], Awaitable[None]]


class Folding:
    """`published` waits (not for ever) until an outbox row has reached the data plane."""

    def __init__(self, database: Database, clock: Clock, published: Published) -> None:
        self._database = database
        self._clock = clock
        self._published = published

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                for scope in await self._full_scopes():
                    await self.fold(scope)
            except DATABASE_DOWN as error:
                logger.warning("Suppressions are folded in the next round.", reason=reason_of(error))
            await self._clock.sleep(ROUND_SECONDS)

    async def _full_scopes(self) -> list[Scope]:
        columns = segments.c
        query = select(columns.workspace_id, columns.source_id).where(columns.number > 0)
        counted = query.group_by(columns.workspace_id, columns.source_id).having(func.count() > LAID_LIMIT)
        async with self._database.reading() as connection:
            return [(row.workspace_id, row.source_id) for row in await connection.execute(counted)]

    async def fold(self, scope: Scope) -> None:
        """What is laid by now."""
        async with self._database.reading() as connection:
            query = select(segments).where(*_in(scope), segments.c.number > 0).order_by(segments.c.number)
            laid = [Segment(*row) for row in await connection.execute(query)]
            size = await _size_of(connection, scope)
        bits = (size // BASE_DIGESTS).bit_length()
        for prefix in range(1 << bits):
            await self._write(partial(_write_base, scope=scope, bits=bits, prefix=prefix, laid=laid))
        await self._write(partial(_bury_folded, scope=scope, bits=bits, laid=laid))
        logger.info("Suppressions are folded.", workspace=scope[0], source=scope[1], laid=len(laid), bases=1 << bits)

    async def _write(self, change: Callable[[AsyncConnection], Awaitable[list[Change]]]) -> None:
        async with self._database.writing() as connection:
            number = await insert_changes(connection, await change(connection))
        if number:
            await self._published(number)


async def _size_of(connection: AsyncConnection, scope: Scope) -> int:
    """Hashes in all segments, about as many as will be in the bases."""
    stored = select(func.coalesce(func.sum(func.length(segments.c.suppressed)), 0)).where(*_in(scope))
    return int((await connection.execute(stored)).scalar_one()) // DIGEST_SIZE


async def _write_base(
    connection: AsyncConnection, *, scope: Scope, bits: int, prefix: int, laid: Sequence[Segment]
) -> list[Change]:
    """What any base has in its range, and all that is laid over it."""
    if not await _are_there(connection, laid):
        return []
    bases = await _bases_in(connection, scope, bits, prefix)
    found = {digest for base in bases for digest in _between(base.suppressed, bits, prefix)}
    for each in laid:
        found.update(_between(each.suppressed, bits, prefix))
        found.difference_update(_between(each.ended, bits, prefix))
    identifier, content = derived_id(*scope, str(bits), str(prefix)), packed(found)
    standing = next((base for base in bases if base.id == identifier), None)
    if standing is not None and standing.suppressed == content:
        return []
    base = Segment(identifier, *scope, standing.version + 1 if standing else 1, 0, bits, prefix, content, b"")
    if standing is not None:
        await connection.execute(delete(segments).where(segments.c.id == identifier))
    await connection.execute(insert(segments).values(msgspec.structs.asdict(base)))
    key = select(regulation_keys.c.sealed_key).where(regulation_keys.c.workspace_id == scope[0])
    sealed = (await connection.execute(key)).scalar_one()
    return [published(SnapshotKind.SUPPRESSION, snapshot_of(base, sealed))]


async def _bury_folded(
    connection: AsyncConnection, *, scope: Scope, bits: int, laid: Sequence[Segment]
) -> list[Change]:
    """What was laid goes, and every base of another size with it."""
    if not await _are_there(connection, laid):
        return []
    columns = segments.c
    query = select(columns.id, columns.version).where(*_in(scope), columns.number == 0, columns.bits != bits)
    others = (await connection.execute(query)).all()
    gone = {each.id: each.version for each in laid} | {row.id: row.version for row in others}
    for identifier in gone:
        await connection.execute(delete(segments).where(columns.id == identifier))
    return [buried(SnapshotKind.SUPPRESSION, scope[0], name, version + 1) for name, version in gone.items()]


async def _are_there(connection: AsyncConnection, laid: Sequence[Segment]) -> bool:
    """Whether the source was not deleted meanwhile, with all that is about it."""
    query = select(func.count()).where(segments.c.id.in_([laid[0].id, laid[-1].id]))
    return bool((await connection.execute(query)).scalar_one())


async def _bases_in(connection: AsyncConnection, scope: Scope, bits: int, prefix: int) -> list[Segment]:
    """Bases of any size that may hold hashes which begin with the prefix."""
    columns = segments.c
    query = select(columns.id, columns.bits, columns.prefix).where(*_in(scope), columns.number == 0)
    meeting = [
        row.id
        for row in await connection.execute(query)
        if row.prefix >> max(0, row.bits - bits) == prefix >> max(0, bits - row.bits)
    ]
    return [Segment(*row) for row in await connection.execute(select(segments).where(columns.id.in_(meeting)))]


def _between(content: bytes, bits: int, prefix: int) -> Sequence[int]:
    """The hashes that begin with the prefix."""
    digests, width = unpacked(content), _BITS - bits
    return digests[bisect_left(digests, prefix << width) : bisect_left(digests, (prefix + 1) << width)]


def _in(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return segments.c.workspace_id == scope[0], segments.c.source_id == scope[1]
