import random

import pytest

from penstock.kit.sketch import Sketch
from penstock.kit.time import format_iso, parse_iso
from penstock.resources.usage import add_usage
from penstock.spec.facts import CountedUsage
from penstock.testing.control_plane import V1

DAY_MS = 86_400_000
FIRST = parse_iso("2030-01-01") // DAY_MS
"""The clock of the tests stands at 2030-01-02."""


async def report(control, source, day, users=(), anonymous=(), tied=()):
    sketches = [Sketch(each).encode() for each in (users, {*anonymous, *tied}, tied)]
    used = CountedUsage(control.first_run.workspace_id, source, day, 1, *sketches)
    async with control.database.writing() as connection:
        await add_usage(connection, [used])


def counts(row):
    return tuple(row[name] for name in ("identified", "anonymous", "anonymousIdentified", "neverIdentified"))


@pytest.fixture
async def seen(control):
    """Two sources on two days. Anonymous 3 comes first alone and then, at the other source, with a user id."""
    await report(control, "a", FIRST, users={1}, anonymous={3, 4})
    await report(control, "b", FIRST, users={1, 2}, tied={3})
    await report(control, "b", FIRST + 1, users={2, 5}, anonymous={6})
    await report(control, "b", FIRST - 1, users={7})


async def test_who_is_seen_by_two_sources_or_on_two_days_is_one(control, seen):
    data = await control.data("GET", "/usage/mtu/daily?period=2030-01-01", accept=V1)
    rows = data["dailyWorkspaceMTUUsage"]
    assert [counts(row) for row in rows] == [("2", "2", "1", "1"), ("3", "3", "1", "2")]
    assert [row["timestamp"] for row in rows] == [format_iso((FIRST + day) * DAY_MS) for day in range(2)]
    assert {(row["periodStart"], row["periodEnd"]) for row in rows} == {(FIRST * 86_400, (FIRST + 31) * 86_400)}


async def test_sources_are_told_one_by_one_and_page_by_page(control, seen):
    path = "/usage/mtu/sources/daily?period=2030-01-01&pagination.count=3"
    first = await control.data("GET", path)
    rows = [(row["sourceId"], *counts(row)) for row in first["dailyPerSourceMTUUsage"]]
    assert rows == [("a", "1", "2", "0", "2"), ("b", "2", "1", "1", "0"), ("a", "1", "2", "0", "2")]
    rest = await control.data("GET", f"{path}&pagination.cursor={first['pagination']['next']}")
    assert [counts(row) for row in rest["dailyPerSourceMTUUsage"]] == [("3", "2", "1", "1")]
    assert "next" not in rest["pagination"]


async def test_a_month_without_events_has_days_of_nobody(control, seen):
    data = await control.data("GET", "/usage/mtu/daily?period=2029-11-01")
    assert {counts(row) for row in data["dailyWorkspaceMTUUsage"]} == {("0", "0", "0", "0")}
    assert data["pagination"]["totalEntries"] == 30


@pytest.mark.parametrize("query", ["", "period=", "period=2030-01-02", "period=now"])
async def test_what_is_no_month_is_refused_by_name(control, query):
    answer = await control.ask("GET", f"/usage/mtu/daily?{query}", accept=V1)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "period")


async def test_many_are_told_within_the_stated_error(control):
    chosen = random.Random(1)
    spread = [chosen.getrandbits(64) for _ in range(20_000)]
    await report(control, "a", FIRST, users=spread[:12_000], anonymous=spread[:9_000])
    await report(control, "b", FIRST, users=spread[8_000:], tied=spread[:9_000])
    (row, *_) = (await control.data("GET", "/usage/mtu/daily?period=2030-01-01"))["dailyWorkspaceMTUUsage"]
    identified, anonymous, tied, never = (int(each) for each in counts(row))
    assert abs(identified - 20_000) < 600
    assert (abs(anonymous - 9_000) < 300, anonymous - tied, never) == (True, never, 0)
