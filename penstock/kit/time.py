"""ISO-8601 as the wire speaks it: many spellings in, one spelling out (UTC, milliseconds, `Z`)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_LONGEST = 64
_FRACTIONS = [f".{rest:03d}Z" for rest in range(1000)]
_RESTS = {fraction: rest for rest, fraction in enumerate(_FRACTIONS)}
_TO_THE_SECOND = len("2030-01-02T10:00:00")
EARLIEST_MS = -62_135_596_800_000
LATEST_MS = 253_402_300_799_999
"""The years 1 to 9999: what the format can say with four digits."""


def parse_iso(text: str) -> int | None:
    """Milliseconds since the epoch, or None where `text` is no ISO-8601 time. Without an offset it means UTC."""
    read = read_iso(text)
    return None if read is None else read[0]


def read_iso(text: str) -> tuple[int, str] | None:
    """Milliseconds since the epoch and how we spell that time, or None where `text` is no ISO-8601 time."""
    rest = _RESTS.get(text[_TO_THE_SECOND:])
    # What SDKs send is spelled as we spell it; then nothing has to be printed.
    if rest is not None and (seconds := _seconds_of(text[:_TO_THE_SECOND])) is not None:
        return seconds * 1000 + rest, text
    if len(text) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    ms = (moment - _EPOCH) // _MILLISECOND
    return ms, format_iso(ms)


@lru_cache(maxsize=4096)
def _seconds_of(text: str) -> int | None:
    """Seconds since the epoch where `text` is spelled as `_to_the_second` spells it, else None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.isoformat() != text:
        return None
    return (moment.replace(tzinfo=UTC) - _EPOCH) // _SECOND


def format_iso(ms: int) -> str:
    """`2030-01-02T10:00:00.250Z`. What lies outside the years 1 to 9999 is moved to the nearest of their ends."""
    if not EARLIEST_MS <= ms <= LATEST_MS:
        ms = EARLIEST_MS if ms < EARLIEST_MS else LATEST_MS
    seconds, rest = divmod(ms, 1000)
    return _to_the_second(seconds) + _FRACTIONS[rest]


# Events of one moment share their second, and printing a date costs ten times what finding it here does.
@lru_cache(maxsize=4096)
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
