from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from penstock.spec.snapshot import ScheduleSnapshot
from penstock.warehousing.schedule import is_due

from .conftest import event, warehouse

BERLIN = "Europe/Berlin"


def ms(year, month, day, hour, minute=0, zone="UTC"):
    return round(datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_without_a_schedule_every_interval_is_good():
    assert is_due(None, 0, 0)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ((6, 59), (7, 0), True),
        ((6, 0), (6, 59), False),
        ((7, 0), (7, 30), False),
        ((7, 30), (8, 10), False),
        ((5, 0), (9, 0), True),
        ((7, 1), (19, 0), True),
    ],
)
def test_it_is_due_once_when_its_hour_begins_where_it_is(last, now, expected):
    schedule = ScheduleSnapshot([7, 19], BERLIN)
    assert is_due(schedule, ms(2026, 7, 1, *last, BERLIN), ms(2026, 7, 1, *now, BERLIN)) is expected


def test_zones_with_half_an_hour_begin_their_hours_there():
    schedule = ScheduleSnapshot([7], "Asia/Kolkata")
    assert not is_due(schedule, ms(2026, 7, 1, 0, 30), ms(2026, 7, 1, 1, 29))
    assert is_due(schedule, ms(2026, 7, 1, 0, 30), ms(2026, 7, 1, 1, 30))


def test_every_day_of_a_year_has_it_once_also_where_the_clocks_change():
    """An hour that the clocks repeat begins twice; one that they skip does not begin."""
    schedule = ScheduleSnapshot([2], BERLIN)
    last, due = ms(2026, 1, 1, 0), []
    for now in range(last, ms(2027, 1, 1, 0), 15 * 60_000):
        if is_due(schedule, last, now):
            due.append(datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(BERLIN)))
            last = now
    assert len(due) == 365
    assert {moment.hour for moment in due} == {2}
    days = [moment.date() for moment in due]
    assert [day.isoformat() for day in set(days) if days.count(day) > 1] == ["2026-10-25"]
    assert "2026-03-29" not in [day.isoformat() for day in days]


def test_no_hour_is_never():
    assert not is_due(ScheduleSnapshot([], "UTC"), 0, ms(2026, 7, 1, 7))


def test_a_zone_that_this_machine_does_not_know_counts_as_utc():
    assert is_due(ScheduleSnapshot([7], "Not/There"), ms(2026, 7, 1, 6, 30), ms(2026, 7, 1, 7))


async def test_the_clock_waits_for_the_hour_and_a_call_does_not(installation):
    hour = (datetime.now(UTC).hour + 12) % 24
    await installation.publish(warehouse(version=2, schedule=ScheduleSnapshot([hour], "UTC")))
    async with installation.role() as role:
        await installation.route(event("m1"))
        await role.sync(is_timed=True)
        assert role.syncs["W1"].totals.events == 0
        assert (await installation.sync()).events == 1


async def test_in_its_hour_the_clock_is_enough(installation):
    await installation.publish(warehouse(version=2, schedule=ScheduleSnapshot(list(range(24)), "UTC")))
    await installation.route(event("m1"))
    async with installation.role() as role:
        assert role.syncs["W1"].totals.events == 1
