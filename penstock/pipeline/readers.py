"""Who reads what retention purges, asked of those who know: delivery beside us, warehousing and control by a call.

A role that is down, or cannot say, has read nothing: its stream is kept for as long as a reader may lag.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from penstock.infra.calls import CallClient, CallError
from penstock.infra.log import Log
from penstock.pipeline.retention import Readers
from penstock.spec import delivery, routed
from penstock.spec.calls import RoleStatus, StatusReport

logger = structlog.get_logger(__name__)

DEADLINE_SECONDS = 5.0
_FACTS = "facts."
FOLDED = "folded"
"""Detail of control's status: the sequence folded last, by subject."""


class Needed(Protocol):
    """The lowest sequences that delivery would still read after a kill."""

    @property
    def routed(self) -> int: ...

    @property
    def retries(self) -> list[int]:
        """Per rung, in DELIVERY."""
        ...


def readers_of(log: Log, calls: CallClient, shard: int, needed: Callable[[], Needed]) -> Readers:
    """The readers of one shard's streams. `needed` tells delivery's part of the same process."""
    stream = routed.stream_name(shard)

    async def read_of_routed() -> Mapping[str, int]:
        # The end is read first: what was behind it when the answer was made is a lower bound of the position.
        end = (await log.state(stream)).last
        warehousing = await _status(calls, "warehousing")
        is_known = warehousing is not None and warehousing.state == "ready" and stream in warehousing.lag
        lag = warehousing.lag[stream] if warehousing is not None and is_known else end
        return {"delivery": needed().routed - 1, "warehousing": max(0, end - lag)}

    async def ended_in_delivery() -> Mapping[str, int]:
        limits = {delivery.retry_subject(shard, rung): below for rung, below in enumerate(needed().retries)}
        settled = delivery.settled_subject(shard)
        limits[settled] = (await _folded(calls)).get(settled, -1) + 1
        return limits

    async def folded_facts() -> Mapping[str, int]:
        folded = await _folded(calls)
        return {subject: sequence for subject, sequence in folded.items() if subject.startswith(_FACTS)}

    return Readers(read_of_routed, ended_in_delivery, folded_facts)


async def _folded(calls: CallClient) -> dict[str, int]:
    control = await _status(calls, "control")
    told: Any = {} if control is None else control.details.get(FOLDED, {})
    return {subject: sequence for subject, sequence in told.items() if isinstance(sequence, int)}


async def _status(calls: CallClient, role: str) -> StatusReport | None:
    try:
        return await calls.ask(RoleStatus(), StatusReport, deadline_seconds=DEADLINE_SECONDS, role=role)
    except CallError as error:
        logger.info("A role does not say what it has read.", asked=role, reason=str(error))
        return None
