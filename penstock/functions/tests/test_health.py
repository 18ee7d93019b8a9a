import pytest

from penstock.functions.health import CRASHES, Health


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def told():
    return []


@pytest.fixture
def health(time, told):
    return Health(told.append, 60.0, time)


def crash(health, time, count=CRASHES, every=1.0):
    for _ in range(count):
        health.crashed("the function ended its process")
        time.now += every


def test_five_ends_within_a_minute_hold_it_back_until_a_pause_is_over(health, time, told):
    crash(health, time, 4)
    assert health.held is None
    crash(health, time, 1, every=0)
    assert health.held.message.endswith("the last: the function ended its process")
    assert told == [health.held], "it is told once"
    time.now += 59.9
    assert health.held is not None
    time.now += 0.2
    assert (health.held, health.seconds_left) == (None, 0)


def test_ends_that_are_further_apart_hold_nothing_back(health, time, told):
    crash(health, time, 50, every=15.1)
    assert told == []


def test_a_pause_that_follows_another_is_twice_as_long_and_bounded(health, time, told):
    for _ in range(7):
        crash(health, time, every=0)
        time.now += health.seconds_left
    assert [held.seconds for held in told] == [60, 120, 240, 480, 960, 960, 960]


def test_after_a_long_time_without_an_end_all_is_forgotten(health, time, told):
    crash(health, time, every=0)
    assert not health.is_spotless
    time.now += 60 + 961
    assert health.is_spotless
    crash(health, time, every=0)
    assert [held.seconds for held in told] == [60, 60]


def test_no_more_than_five_ends_count_in_any_minute(health, time):
    ends = []
    for _ in range(20_000):
        if health.held is None:
            ends.append(time.now)
            health.crashed("it did")
        time.now += 0.25
    assert max(sum(start <= end < start + 60 for end in ends) for start in ends) == CRASHES


def test_what_ends_while_it_is_held_back_lengthens_nothing(health, time):
    crash(health, time, every=0)
    crash(health, time, 5, every=0)
    assert health.seconds_left == 60
