"""What keeps people forgets them: in each store of the register by its own code, and not where that is broken.

The search finds the person before, nothing at the time that the receipt of a deletion tells for the store, and the
person again where the store's way of forgetting is broken on purpose; so a store that stops forgetting cannot go unseen, and the search cannot be blind.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from psycopg import sql

from penstock.api import retention
from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.drivers import driver_of
from penstock.catalog.warehouses.port import Load, Site
from penstock.catalog.warehouses.sql import SqlWarehouse
from penstock.functions.instance import Program
from penstock.functions.logs import LogQueue
from penstock.functions.outcome import Consequence, Outcome
from penstock.history import FunctionLogs
from penstock.infra.db import Database, sqlite_url
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.migrations import upgrade
from penstock.kit.clock import ManualClock, SystemClock
from penstock.kit.settings import Settings
from penstock.pipeline import dedupe
from penstock.pipeline.dedupe import DedupeIndex, key_of
from penstock.pipeline.erasing import Eraser
from penstock.pipeline.retention import Readers, RetentionLoop
from penstock.resources.regulations.steps import gone_ms, store_named
from penstock.resources.slices import kept
from penstock.resources.violations import add_violations
from penstock.spec import accepted, delivery, facts, routed
from penstock.spec.event import TYPE_NUMBERS
from penstock.spec.facts import FactHead
from penstock.spec.findings import ViolationSample
from penstock.spec.function_logs import DropLogs, KeptRequest
from penstock.spec.stores import REGISTER, STREAM_STORES, Keeps
from penstock.testing.postgres_server import PostgresServer
from penstock.testing.searching import Person, search_files, search_log
from penstock.warehousing.flatten import flatten

USER, MESSAGE_ID = "u-4f1c-forgotten", "m-4f1c-forgotten"
EVENT = {
    "type": "track",
    "event": "Order Completed",
    "userId": USER,
    "messageId": MESSAGE_ID,
    "receivedAt": "2024-05-01T10:00:05.000Z",
    "properties": {"of": USER},
}
TEXT = msgspec.json.encode(EVENT)
PERSON = Person(USER, MESSAGE_ID)
"""Of a person who is deleted, message ids may stay for their time; here they show that they go."""
POSTGRES = "postgres warehouse"
"""A store too, though in no directory of ours, so that the register does not name it."""
LATER_MS = 400 * 24 * 3_600_000
"""Of what keeps nobody after its time, whenever that is."""
FOREVER_HOURS = 20_000.0
DEADLINE_SECONDS = 20.0


class House:
    """A data directory with a log engine, and the loop that purges it when the time of a store has come."""

    def __init__(self, data: Path, log: Log) -> None:
        self.data = data
        self.log = log
        self.settings = Settings()
        self.time_ms = LATER_MS
        self.rungs = {delivery.retry_subject(0, 0): 1 << 40}
        """Below which delivery needs no retries any more."""
        self.server: PostgresServer | None = None
        self.database = ""
        """Where a test has asked for the server."""

    async def append(self, subject: str, *frames: bytes) -> None:
        for frame in frames:
            await self.log.append(subject, frame)

    async def retain(self) -> None:
        async def of(mapping: dict[str, int]) -> dict[str, int]:
            return mapping

        readers = Readers(
            lambda: of({"delivery": 1 << 40}),
            lambda: of(self.rungs),
            lambda: of({facts.subject("pipeline", 0): 1 << 40}),
        )
        clock = SystemClock(self.time_ms)
        await RetentionLoop(self.settings, self.log, clock, 0, readers).round()

    async def search(self) -> set[str]:
        found = (await search_log(self.log, PERSON)).keys() | search_files(self.data, PERSON).keys()
        return found | ({POSTGRES} if self.server is not None and any(map(PERSON.is_in, self._rows())) else set())

    def _rows(self) -> Iterator[bytes]:
        """Of all tables that are not the server's own."""
        assert self.server is not None
        with self.server.connect(self.database) as connection:
            for name in connection.execute(_TABLES).fetchall():
                yield from (repr(row).encode() for row in connection.execute(_ROWS.format(sql.Identifier(*name))))


_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
    "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
)
_ROWS = sql.SQL("SELECT * FROM {}")


@pytest.fixture
async def house(own_nats_server, tmp_path, request):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(log, 1)
    made, name = House(tmp_path, log), request.node.callspec.params["name"]
    if name in {store.name for store in STREAM_STORES}:
        made.time_ms = gone_ms(store_named(name), made.settings) or LATER_MS
    if name == POSTGRES:
        made.server = request.getfixturevalue("postgres_server")
        made.database = made.server.database()
    yield made
    await log.close()


def accepted_frame(number: int, *events: bytes) -> bytes:
    rows = [accepted.AcceptedRow(0, len(event), 0, MESSAGE_ID) for event in events]
    requests = [accepted.RequestRecord(1, "wk", "track")] if rows else []
    return accepted.encode_accepted(accepted.AcceptedHead("w", number, requests, rows), list(events))


def routed_frame(covers: int, *events: bytes) -> bytes:
    rows = [routed.RoutedRow(0, len(event), 0, TYPE_NUMBERS["track"], MESSAGE_ID) for event in events]
    sources = [routed.SourceRef("w", "s")]
    return routed.encode_routed(routed.RoutedHead("w", covers, 0, 1, 1, sources, rows, [], []), list(events))


def violated(samples: list[ViolationSample]) -> facts.ViolatedOnDay:
    return facts.ViolatedOnDay("w", "s", 1, "track", "E", "TRACK", "E", 1.0, "x", "required", 1, 1, 1, samples)


def fact(number: int, samples: list[ViolationSample]) -> bytes:
    stream = routed.stream_name(0)
    return facts.encode_fact(FactHead("pipeline", 0, stream, number, number + 1, violated=[violated(samples)]))


async def fill_accepted(house: House) -> None:
    await house.append(accepted.subject(0, "w"), accepted_frame(1, TEXT))
    await house.append(routed.subject(0), routed_frame(1))


async def fill_routed(house: House) -> None:
    await house.append(routed.subject(0), routed_frame(1, TEXT), routed_frame(2))
    await house.append(facts.subject("pipeline", 0), facts.encode_fact(FactHead("p", 0, "ROUTED-0", 0, 2)))


async def fill_retry(house: House) -> None:
    row = delivery.RetryRow(0, len(TEXT), 0, TYPE_NUMBERS["track"], "E", MESSAGE_ID, 1, 1, "ECONNREFUSED")
    head = delivery.RetryHead(0, 1, 1.0, [delivery.DeliveryRef("w", "s", "d", "sub")], [row])
    await house.append(delivery.retry_subject(0, 0), delivery.encode_retry(head, [TEXT]))


async def fill_quarantine(house: House) -> None:
    row = delivery.QuarantineRow(0, len(TEXT), "sub", TYPE_NUMBERS["track"], "E", MESSAGE_ID, USER, "FAILED", "x")
    head = delivery.QuarantineHead("w", "s", "d", 1, [row])
    await house.append(delivery.quarantine_subject(0, "d"), delivery.encode_quarantine(head, [TEXT]))


async def fill_facts(house: House) -> None:
    """Of a violation the message id is told."""
    sample = ViolationSample(MESSAGE_ID, "of 'x'", 1)
    await house.append(facts.subject("pipeline", 0), fact(0, [sample]), fact(1, []))


async def fill_function_logs(house: House) -> None:
    queue = LogQueue(house.log, ManualClock())
    program, text = Program("DESTINATION", "", "w", "f"), TEXT.decode()
    queue.offer("d", program, Outcome(logs=[f"log {text}"]))
    asked = KeptRequest("POST", "https://a/", 500, "", {}, text, {}, text)
    queue.offer("d", program, Outcome(Consequence.REFUSED, "bad_request", requests=[asked]))
    await queue.write()


async def drop_function_logs(house: House) -> None:
    answers = FunctionLogs(house.log, LogQueue(house.log, ManualClock()))
    await answers.drop(DropLogs("w"))
    await answers.close()


async def fill_dedupe(house: House) -> None:
    index = DedupeIndex(house.data / "dedupe" / "0", 1)
    index.apply([key_of("", "w", MESSAGE_ID)], 1, "life")
    index.close()


async def compact_dedupe(house: House) -> None:
    """As RocksDB does it by itself: what is older than the index keeps it goes."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            index = DedupeIndex(house.data / "dedupe" / "0", 1)
            index._database.flush()
            index._database.compact_range(None, None)
            index.close()
            if dedupe.HOUR_SECONDS > 1 or "dedupe index" not in search_files(house.data, PERSON):
                return
            await asyncio.sleep(0.1)  # its clock has seconds


def warehouse(house: House) -> Any:
    (house.data / "warehouse").mkdir(exist_ok=True)
    site = Site("W1", str(house.data / "warehouse"), 256, OutboundPolicy())
    if house.server is not None:
        return driver_of("postgres").place(house.server.settings(house.database), site)
    return driver_of("duckdb").place({}, site)


async def fill_warehouse(house: House) -> None:
    batch = SourceBatch("s", "shop")
    flatten(batch, EVENT, MESSAGE_ID, TYPE_NUMBERS["track"])
    opened = warehouse(house).open()
    opened.load(Load("W1", 0, 0, 1, 1_714_557_600_000, 1_714_557_601_000, [batch]))
    opened.close()


async def forget_in_warehouse(house: House) -> None:
    place = warehouse(house)
    opened = place.open()
    opened.forget([USER], None)
    opened.close()
    place.rewrite()


@asynccontextmanager
async def control_database(house: House) -> AsyncIterator[Database]:
    url = sqlite_url(house.data / "control.sqlite")
    upgrade(url)
    opened = Database(url)
    yield opened
    await opened.close()


async def fill_control_database(house: House) -> None:
    """Of a violation the message id is told; of the rest that it holds, nothing is a person's but a regulation."""
    async with control_database(house) as database, database.writing() as connection:
        await add_violations(connection, [violated([ViolationSample(MESSAGE_ID, "of 'x'", 1)])])


async def tidy_control_database(house: House) -> None:
    async with control_database(house) as database:
        for each in kept():
            await each.tidy(database, LATER_MS)


class Case(NamedTuple):
    """How a person comes into a store, how they go, and what breaks that."""

    fill: Callable[[House], Awaitable[None]]
    break_it: Callable[[House, pytest.MonkeyPatch], None]
    forget: Callable[[House], Awaitable[None]] = House.retain


def kept_for_ever(setting: str) -> Callable[[House, pytest.MonkeyPatch], None]:
    def break_it(house: House, _: pytest.MonkeyPatch) -> None:
        house.settings = Settings(**{setting: FOREVER_HOURS})

    return break_it


def needed_for_ever(house: House, _: pytest.MonkeyPatch) -> None:
    house.rungs = {}


def purged_alone(_: House, patch: pytest.MonkeyPatch) -> None:
    """Not overwritten: the log engine leaves the bytes in its block."""

    async def purge(eraser: Eraser, stream: str, sequences: Sequence[int]) -> int:
        return await eraser._log.purge(stream, below=sequences[-1] + 1) if sequences else 0

    patch.setattr(Eraser, "_erase", purge)


def never_dropped(_: House, patch: pytest.MonkeyPatch) -> None:
    async def drop(_answers: FunctionLogs, _workspace_id: str) -> int:
        return 0

    patch.setattr(FunctionLogs, "_drop", drop)


def never_expired(_: House, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dedupe, "HOUR_SECONDS", 3_600)


def nobody_deleted(_: House, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlWarehouse, "forget", lambda *_: {})


def never_tidied(_: House, patch: pytest.MonkeyPatch) -> None:
    async def forget(*_: Any) -> int:
        return 0

    patch.setattr(retention, "forget_before", forget)


CASES = {
    "accepted": Case(fill_accepted, kept_for_ever("accepted_hours")),
    "routed": Case(fill_routed, kept_for_ever("routed_hours")),
    "retry": Case(fill_retry, needed_for_ever),
    "quarantine": Case(fill_quarantine, kept_for_ever("quarantine_hours")),
    "facts": Case(fill_facts, kept_for_ever("facts_hours")),
    "function logs": Case(fill_function_logs, never_dropped, drop_function_logs),
    "log engine": Case(fill_routed, purged_alone),
    "dedupe index": Case(fill_dedupe, never_expired, compact_dedupe),
    "embedded warehouse": Case(fill_warehouse, nobody_deleted, forget_in_warehouse),
    POSTGRES: Case(fill_warehouse, nobody_deleted, forget_in_warehouse),
    "control database": Case(fill_control_database, never_tidied, tidy_control_database),
}


@pytest.fixture(autouse=True)
def short_hours(monkeypatch):
    """Of the one store whose clock cannot be moved."""
    monkeypatch.setattr(dedupe, "HOUR_SECONDS", 1)


def test_every_store_that_keeps_people_has_a_case_here():
    keeping = {store.name for store in REGISTER if store.keeps in (Keeps.EVENTS, Keeps.IDS)}
    assert keeping | {POSTGRES} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
async def test_a_store_has_forgotten_at_the_time_of_the_receipt(house, name):
    await CASES[name].fill(house)
    assert name in await house.search()
    await CASES[name].forget(house)
    assert not await house.search()


@pytest.mark.parametrize("name", CASES)
async def test_the_search_finds_the_person_where_a_store_does_not_forget(house, name, monkeypatch):
    case = CASES[name]
    case.break_it(house, monkeypatch)
    await case.fill(house)
    await case.forget(house)
    assert name in await house.search()
