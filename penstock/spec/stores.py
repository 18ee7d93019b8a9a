"""The register of everything that is stored: where it stands, whether it keeps events, how it forgets, and by when.

A test walks the data directory and the streams of a running instance and fails on what is not registered here. A part
that stores something new adds one line. What keeps events keeps people: `forgets` says how their data ends.
"""

from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec


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


STREAM_STORES = (
    Store(
        "accepted", ("accepted.*.*",), Keeps.EVENTS, "purged by sequence once the pipeline has read", "accepted_hours"
    ),
    Store("routed", ("routed.*",), Keeps.EVENTS, "purged by sequence once every reader has read", "routed_hours"),
    Store("retry", ("delivery.*.retry.*",), Keeps.EVENTS, "purged once its rung has read on", "retry_window_seconds"),
    Store(
        "quarantine",
        ("delivery.*.quarantine.*",),
        Keeps.EVENTS,
        "purged by age, and by count of events for each holder",
        "quarantine_hours",
    ),
    Store(
        "settled",
        ("delivery.*.settled", "delivery.*.members"),
        Keeps.AGGREGATES,
        "purged but for the last of each subject, which is delivery's memory",
        "facts_hours",
    ),
    Store("facts", ("facts.>",), Keeps.AGGREGATES, "purged once folded; the last of each subject stays", "facts_hours"),
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
    Store("log engine", ("nats/**",), Keeps.EVENTS, "holds the streams above", "as each stream"),
    Store(
        "dedupe index",
        ("dedupe/**",),
        Keeps.IDS,
        "entries expire in RocksDB's compaction",
        "dedupe_hours",
    ),
    Store(
        "embedded warehouse",
        ("warehouse/**",),
        Keeps.EVENTS,
        "rows stay until their owner deletes them; this release carries out no deletion request",
        "kept",
    ),
    Store(
        "control database",
        ("control.sqlite*",),
        Keeps.AGGREGATES,
        "holds configuration, audit events and outcome counts; never an event",
        "kept",
    ),
    Store("installation key", ("secret.key",), Keeps.NOTHING, "is not about a person", "kept"),
    Store("process record", ("run.json", "lock", "VERSION", ".*"), Keeps.NOTHING, "is not about a person", "each run"),
)
"""Stores of the data directory, by path."""

REGISTER = STREAM_STORES + FILE_STORES


def subject_is_registered(subject: str) -> bool:
    """Whether a subject, or a stream's pattern of subjects, belongs to a store."""
    return any(_subject_matches(pattern, subject) for store in STREAM_STORES for pattern in store.where)


def path_is_registered(path: str) -> bool:
    """Whether a path relative to the data directory, with slashes, belongs to a store."""
    for store in FILE_STORES:
        for pattern in store.where:
            if fnmatchcase(path, pattern) and ("/" not in path or "/" in pattern):
                return True
    return False


def _subject_matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return given[: len(wanted) - 1] == wanted[:-1] and len(given) >= len(wanted)
    # A stream may stand for several stores: `delivery.0.>` is registered when any store lies below it.
    if given[-1] == ">":
        return all(part in ("*", word) for part, word in zip(wanted, given[:-1], strict=False))
    return len(wanted) == len(given) and all(part in ("*", word) for part, word in zip(wanted, given, strict=True))
