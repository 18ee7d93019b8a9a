"""When a warehouse with a schedule is loaded: once in each of its hours, as the clocks of its time zone show them."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import structlog

from penstock.spec.snapshot import ScheduleSnapshot

logger = structlog.get_logger(__name__)
_LOOKED_BACK = 26
"""Hours: a day with the change of the clocks."""


def is_due(schedule: ScheduleSnapshot | None, last_ms: int, now_ms: int) -> bool:
    """Whether one of its hours has begun since `last_ms`. Without a schedule every interval is good."""
    if schedule is None:
        return True
    zone = _zone(schedule.timezone)
    # Steps of elapsed time, so that an hour that the clocks skip or repeat is neither lost nor doubled.
    begun = datetime.fromtimestamp(now_ms / 1000, UTC)
    local = begun.astimezone(zone)
    begun -= timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    for _ in range(_LOOKED_BACK):
        if begun.timestamp() * 1000 <= last_ms:
            return False
        if begun.astimezone(zone).hour in schedule.hours:
            return True
        begun -= timedelta(hours=1)
    return False


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        logger.error("A time zone is not known on this machine; UTC counts.", timezone=name)  # noqa: TRY400
        return UTC
