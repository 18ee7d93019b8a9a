import pytest

from penstock.api.errors import InputInvalid
from penstock.kit.sketch import Sketch
from penstock.kit.time import parse_iso
from penstock.resources.usage import add_usage, period_of, select_usage
from penstock.resources.usage.cumulative import of_sources, of_workspace
from penstock.spec.facts import CountedUsage

NOW = parse_iso("2026-02-03T23:59:59.999Z")
FIRST = parse_iso("2026-02-01") // 86_400_000


def used(calls, users=(), *, source="s", day=FIRST, workspace="w"):
    nobody = Sketch().encode()
    return CountedUsage(workspace, source, day, calls, Sketch(users).encode(), nobody, nobody)


class Calls:
    def __init__(self):
        self.calls = 0

    def add(self, each):
        self.calls += each.calls

    def value(self):
        return self.calls


class TestPeriod:
    def test_a_month_ends_today_where_it_has_not_ended(self):
        period = period_of("2026-02-01", NOW)
        assert (period.first, period.last, period.following) == (FIRST, FIRST + 2, FIRST + 28)
        assert len(period_of("2026-01-01T00:00:00Z", NOW).days()) == 31
        assert list(period_of("2026-03-01", NOW).days()) == []

    @pytest.mark.parametrize("text", ["", "2026", "2026-02-02", "2026-02-01T00:00:01Z", "february", "9999-13-01"])
    def test_what_is_no_first_of_a_month_is_refused_by_name(self, text):
        with pytest.raises(InputInvalid) as refused:
            period_of(text, NOW)
        assert refused.value.problems[0].field == "period"

    def test_the_last_month_that_can_be_written_is_one(self):
        assert list(period_of("9999-11-01", NOW).days()) == []


class TestRows:
    async def test_calls_are_added_and_people_merged_by_source_and_day(self, database):
        async with database.writing() as connection:
            await add_usage(connection, [used(2, {1, 2}), used(3, {2, 3}), used(-1, {9}, source="t")])
            await add_usage(
                connection, [used(1, {1}), used(5, {1}, day=FIRST + 1), used(7, source="x", workspace="other")]
            )
        async with database.reading() as connection:
            found = await select_usage(connection, "w", FIRST, FIRST)
        told = [(each.source_id, each.calls, Sketch.decode(each.users).count()) for each in found]
        assert told == [("s", 6, 3), ("t", -1, 1)]


class TestSums:
    def test_every_day_tells_all_that_was_used_until_its_end(self):
        period = period_of("2026-02-01", NOW)
        found = [used(2), used(1, source="t", day=FIRST + 1), used(4, day=FIRST + 1)]
        assert of_workspace(period, found, Calls()) == [(FIRST, 2), (FIRST + 1, 7), (FIRST + 2, 7)]
        assert of_sources(period, found, Calls) == [
            (FIRST, "s", 2),
            (FIRST + 1, "s", 6),
            (FIRST + 1, "t", 1),
            (FIRST + 2, "s", 6),
            (FIRST + 2, "t", 1),
        ]
