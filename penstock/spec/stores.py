"""The register of everything that is stored: where it stands, whether it keeps events, how it forgets, and by when.

A test walks the data directory and the streams of a running instance and fails on what is not registered here. A part
that stores something new adds one line. What keeps events keeps people: `forgets` says how their data ends.
"""

from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

LINGERING_HOURS = 6.0
"""How much longer than its time the bytes of a store may stand: a round of retention overwrites few messages, and the
blocks that traffic fills go when the last message of theirs goes (`pipeline/erasing.py`). While the installation runs.
"""
UNREAD_HOURS = 24.0
"""How much longer than `max_lag_hours` stands what a reader has not passed over by itself."""


class Keeps(StrEnum):
    """What a store holds of an event."""

    EVENTS = "events"
    IDS = "ids"
    """Message ids, user ids or keyed hashes, no content."""
    AGGREGATES = "aggregates"
    """Counts by names of events, sources and destinations."""
    CONFIGURATION = "configuration"
    NOTHING = "nothing"
    """Bookkeeping of processes."""


class Store(msgspec.Struct, frozen=True):
    """One store. `where` is a pattern of stream subjects, or of paths below the data directory."""

    name: str
    where: tuple[str, ...]
    keeps: Keeps
    forgets: str
    until: str
    """The setting that bounds its age, or the sentence that says when it ends."""
    when_low: str = "stays"
    """What becomes of it on a low disk."""
    lingering_hours: float = LINGERING_HOURS


READ = "what was read goes at once"

STREAM_STORES = (
    Store(
        "accepted",
        ("accepted.*.*",),
        Keeps.EVENTS,
        "overwritten and purged by sequence once the pipeline has read",
        "accepted_hours",
        READ,
    ),
    Store(
        "routed",
        ("routed.*",),
        Keeps.EVENTS,
        "overwritten and purged by sequence once every reader has read",
        "routed_hours",
        "what was read goes but for `low_disk_routed_minutes`",
    ),
    Store(
        "retry",
        ("delivery.*.retry.*",),
        Keeps.EVENTS,
        "overwritten and purged once its rung has read on",
        "retry_window_seconds",
    ),
    Store(
        "quarantine",
        ("delivery.*.quarantine.*",),
        Keeps.EVENTS,
        "overwritten and purged by age, and by count of events for each holder",
        "quarantine_hours",
    ),
    Store(
        "settled",
        ("delivery.*.settled", "delivery.*.members"),
        Keeps.AGGREGATES,
        "purged but for the last of each subject, which is delivery's memory",
        "facts_hours",
        READ,
    ),
    Store(
        "facts",
        ("facts.>",),
        Keeps.IDS,
        "counts, names of events and of what they hold, message ids of violations, and salted hashes of who was seen; "
        "purged once folded, the last of each subject stays",
        "facts_hours",
        READ,
    ),
    Store(
        "function logs",
        ("function_logs.*.*",),
        Keeps.EVENTS,
        "what they print, and requests of failed runs; in memory alone, the newest 200 lines of each function for "
        "seven days; a deletion drops all of its workspace",
        "seven days, and each start of the log engine",
    ),
    Store(
        "snapshots",
        ("$KV.snapshots.>",),
        Keeps.CONFIGURATION,
        "replaced by the next version; a deleted resource leaves a tombstone without content",
        "replaced at once",
    ),
)
"""Stores of the log engine, by subject."""

FILE_STORES = (
    Store("log engine", ("nats/**",), Keeps.EVENTS, "holds the streams above", "as each stream", "as each stream"),
    Store(
        "dedupe index",
        ("dedupe/**",),
        Keeps.IDS,
        "entries expire in RocksDB's compaction",
        "dedupe_hours",
        # RocksDB reaches what nobody writes to within thirty days by itself.
        lingering_hours=31 * 24.0,
    ),
    Store(
        "embedded warehouse",
        ("warehouse/**",),
        Keeps.EVENTS,
        "rows of people and objects that are deleted go, and the file is written anew; also files of warehouses that "
        "were deleted",
        "kept",
        "stays; nothing more is loaded",
    ),
    Store(
        "control database",
        ("control.sqlite*",),
        Keeps.IDS,
        "holds configuration, audit events, counts, and salted hashes of who was seen by day; of events the names of "
        "what they held and message ids of violations, for 90 days: never an event or a value of one",
        "kept",
    ),
    Store("installation key", ("secret.key",), Keeps.NOTHING, "is not about a person", "kept"),
    Store("process record", ("run.json", "lock", "VERSION", ".*"), Keeps.NOTHING, "is not about a person", "each run"),
)
"""Stores of the data directory, by path."""

REGISTER = STREAM_STORES + FILE_STORES


def subject_is_registered(subject: str) -> bool:
    """Whether a subject, or a stream's pattern of subjects, belongs to a store."""
    return any(subject_belongs(store, subject) for store in STREAM_STORES)


def path_is_registered(path: str) -> bool:
    """Whether a path relative to the data directory, with slashes, belongs to a store."""
    return any(path_belongs(store, path) for store in FILE_STORES)


def subject_belongs(store: Store, subject: str) -> bool:
    """Whether it is one of this store of the log engine."""
    return any(_subject_matches(pattern, subject) for pattern in store.where)


def path_belongs(store: Store, path: str) -> bool:
    """Whether it is one of this store of the data directory."""
    return any(fnmatchcase(path, pattern) and ("/" not in path or "/" in pattern) for pattern in store.where)


def _subject_matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return given[: len(wanted) - 1] == wanted[:-1] and len(given) >= len(wanted)
    # A stream may stand for several stores: `delivery.0.>` is registered when any store lies below it.
    if given[-1] == ">":
        return all(part in ("*", word) for part, word in zip(wanted, given[:-1], strict=False))
    return len(wanted) == len(given) and all(part in ("*", word) for part, word in zip(wanted, given, strict=True))
