"""Deletion in bulk from a large warehouse: a month's quota of people, in the calls in which they may be sent.

Half of the users are deleted, with what they did before they were known. The deletion runs in a process of its own,
whose peak of memory is told. `BENCH_FORGET_ROWS` says how many rows of events DuckDB holds; Postgres, where the machine
has one, holds a quarter of them.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.report import Figure, at_most
from bench.warehouse import event_of
from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.drivers import driver_of
from penstock.catalog.warehouses.port import Load, Place, QueryLimits, Site
from penstock.infra.http import OutboundPolicy
from penstock.spec.event import TYPE_NUMBERS
from penstock.testing.postgres_server import own_postgres
from penstock.warehousing.flatten import decode_event, flatten

_ROWS = int(os.environ.get("BENCH_FORGET_ROWS", "4000000"))
_CALLS = 22
_IDS = 5_000
_DELETED = _CALLS * _IDS
_USERS = 2 * _DELETED
_SHARES = {"tracks": 0.4, "order_step_1": 0.2, "order_step_2": 0.2, "identifies": 0.2}
_SPREAD = 7_919
"""Has no divisor in common with the number of users: however few rows there are, half of them are to be deleted."""
_MEGABYTES = 512
_COLUMNS = "id, received_at, timestamp, user_id, anonymous_id, context_page_url, context_user_agent"
_MOMENT = "TIMESTAMP '2029-01-01 00:00:00'"


class Deleted(msgspec.Struct, frozen=True):
    """What the process that deleted tells."""

    rows: int
    seconds: float
    longest_call: float
    rewriting: float
    megabytes: float
    """At its peak."""
    megabytes_before: float


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        figures = _figures("DuckDB", "duckdb", {}, directory, _ROWS)
    with own_postgres() as server:
        if server is not None:
            settings = server.settings(server.database())
            figures += _figures("Postgres", "postgres", settings, "", _ROWS // 4)
    return figures


def _figures(name: str, slug: str, settings: Mapping[str, Any], directory: str, rows: int) -> list[Figure]:
    expected = _fill(slug, settings, directory, rows)
    asked = msgspec.json.encode([slug, settings, directory])
    told = subprocess.run(
        [sys.executable, "-m", "bench.forget"], input=asked, stdout=subprocess.PIPE, check=True
    ).stdout
    found = msgspec.json.decode(told, type=Deleted)
    if found.rows != expected:
        raise AssertionError(f"{found.rows} rows were deleted from {name}, and {expected} are of those people")
    people = f"{_DELETED:,} people in {_CALLS} calls; {found.rows:,} of {rows:,} rows"
    more = found.megabytes - found.megabytes_before
    written = [Figure(f"{name}, file written anew", found.rewriting, "s")] if directory else []
    return [
        Figure(f"{name}, deletion", found.seconds, "s", note=people),
        Figure(f"{name}, rows deleted", found.rows / found.seconds, "rows/s"),
        Figure(f"{name}, longest call", found.longest_call, "s"),
        *written,
        at_most(f"{name}, peak of memory above the start", more, 2 * _MEGABYTES, "MB"),
    ]


def _place(slug: str, settings: Mapping[str, Any], directory: str) -> Place:
    return driver_of(slug).place(settings, Site("W1", directory, _MEGABYTES, OutboundPolicy()))


def _fill(slug: str, settings: Mapping[str, Any], directory: str, rows: int) -> int:
    """Tables as loads make them, with many rows. Returns how many of them are of those who will be deleted."""
    batch = SourceBatch("src", "shop")
    for number in range(100):
        event = decode_event(msgspec.json.encode(event_of(number, 1) | {"userId": "nobody", "anonymousId": "nobody"}))
        flatten(batch, event, event["messageId"], TYPE_NUMBERS[event["type"]])
    warehouse: Any = _place(slug, settings, directory).open()
    now = time.time_ns() // 1_000_000
    warehouse.load(Load("W1", 0, 0, 1, now, now, [batch]))
    user = f"(CAST(floor(i / 4.0) AS BIGINT) * {_SPREAD} % {_USERS})"
    for table, share in _SHARES.items():
        # Every fourth event comes before its user is known.
        warehouse.engine.execute(
            f"INSERT INTO shop.{table} ({_COLUMNS}) SELECT '{table}-' || i, {_MOMENT}, {_MOMENT}, "
            f"CASE WHEN i % 4 > 0 THEN 'u-' || {user} END, 'a-' || {user}, "
            f"'https://shop.example/products/' || i, 'Mozilla/5.0 (Macintosh) Example/1.' || (i % 90) "
            f"FROM generate_series(0, {round(rows * share) - 1}) AS s(i)"
        )
    warehouse.engine.execute(
        f"INSERT INTO shop.users (id, received_at) SELECT 'u-' || i, {_MOMENT} "
        f"FROM generate_series(0, {_USERS - 1}) AS s(i)"
    )
    limits = QueryLimits(1, 60.0, _MEGABYTES)
    counts = [
        warehouse.query(f"SELECT count(*) FROM shop.{table} WHERE {_mine(column)}", limits).rows[0][0]
        for table, column in ({"users": "id"} | dict.fromkeys(_SHARES, "anonymous_id")).items()
    ]
    warehouse.close()
    return int(sum(counts))


def _mine(column: str) -> str:
    return f"{column} <> 'nobody' AND CAST(substr({column}, 3) AS BIGINT) < {_DELETED}"


def _delete(slug: str, settings: Mapping[str, Any], directory: str) -> Deleted:
    place = _place(slug, settings, directory)
    warehouse = place.open()
    before = _peak_megabytes()
    rows, calls = 0, []
    begun = time.perf_counter()
    for number in range(_CALLS):
        since = time.perf_counter()
        ids = [f"u-{each}" for each in range(number * _IDS, (number + 1) * _IDS)]
        rows += sum(warehouse.forget(ids, ["shop"]).values())
        calls.append(time.perf_counter() - since)
    warehouse.close()
    deleted = time.perf_counter()
    place.rewrite()
    ended = time.perf_counter()
    return Deleted(rows, ended - begun, max(calls), ended - deleted, _peak_megabytes(), before)


def _peak_megabytes() -> float:
    """Of this process alone: what `getrusage` tells begins with the peak of its parent."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_delete(*msgspec.json.decode(sys.stdin.buffer.read()))))
