import msgspec
import pytest

from penstock.delivery.served import FROM_ROUTED, Budget, Delivery, Served, Work
from penstock.kit.clock import ManualClock
from penstock.kit.settings import Settings
from penstock.testing.outside import destination, subscription

SETTINGS = Settings(window=4, window_total=100, batch_wait_seconds=1.0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def budget() -> Budget:
    return Budget(SETTINGS)


def served(clock: ManualClock, budget: Budget, *subscriptions) -> Served:
    return Served(destination("d", *subscriptions), SETTINGS, clock, budget)


def take(one: Served, index: int, *subscription_ids: str) -> Work:
    work = Work((1, index), FROM_ROUTED, 10)
    for identifier in subscription_ids or ("s1",):
        one.admit(work, Delivery(one, work, identifier, "w", "web", 0, "e", f"m{index}", b"x" * 10))
    return work


class TestWindow:
    def test_it_takes_no_more_than_it_holds(self, clock, budget):
        one = served(clock, budget)
        works = [take(one, index) for index in range(4)]
        assert not one.has_room()
        one.dismiss(works[0].open["s1"])
        assert one.has_room()

    def test_everything_dismissed_leaves_nothing(self, clock, budget):
        one = served(clock, budget, subscription("a"), subscription("b"))
        work = take(one, 0, "a", "b")
        for delivery in list(work.open.values()):
            one.dismiss(delivery)
        assert (one.occupied, one.held, one.taken) == (0, 0, {})
        assert (budget.deliveries, budget.bytes, budget.active) == (0, 0, 0)

    def test_an_open_circuit_leaves_room_for_one_probe(self, clock, budget):
        one = served(clock, budget)
        one.circuit._open()
        assert not one.has_room()
        clock.advance(60)
        assert one.has_room()
        take(one, 0)
        assert not one.has_room()

    def test_one_that_leaves_takes_nothing(self, clock, budget):
        one = served(clock, budget)
        one.is_leaving = True
        assert not one.has_room()


class TestBudget:
    def test_half_of_it_is_for_whoever_comes_first(self, budget):
        for number in range(49):
            budget.add(1, is_first=number == 0)
        assert budget.allows(49, 49)

    def test_of_the_other_half_everybody_has_an_equal_share(self, budget):
        for number in range(60):
            budget.add(1, is_first=number < 5)
        assert budget.allows(9, 9)
        assert not budget.allows(10, 10)

    def test_who_holds_nothing_may_always_take_one(self, budget):
        for number in range(500):
            budget.add(1 << 20, is_first=number == 0)
        assert budget.allows(0, 0)
        assert not budget.allows(1, 1)

    def test_bytes_count_too(self, budget):
        for number in range(2):
            budget.add(20 << 20, is_first=number == 0)
        assert not budget.allows(1, 40 << 20)


class TestGroups:
    def test_single_events_go_one_by_one_in_order(self, clock, budget):
        one = served(clock, budget, subscription("a"), subscription("b"))
        take(one, 0, "a", "b")
        take(one, 1, "a", "b")
        groups = [one.next_group()[0] for _ in range(4)]
        assert [(group[0].message_id, group[0].subscription_id) for group in groups] == [
            ("m0", "a"),
            ("m0", "b"),
            ("m1", "a"),
            ("m1", "b"),
        ]
        assert one.next_group() == ([], float("inf"))

    def test_a_batch_waits_to_fill_and_no_longer_than_its_time(self, clock, budget):
        one = served(clock, budget, subscription("s1", enable_batching=True, batch_size=3))
        take(one, 0)
        clock.advance(0.4)
        assert one.next_group() == ([], pytest.approx(0.6))
        take(one, 1)
        clock.advance(0.6)
        group, _ = one.next_group()
        assert [delivery.message_id for delivery in group] == ["m0", "m1"]

    def test_a_full_batch_goes_at_once(self, clock, budget):
        one = served(clock, budget, subscription("s1", enable_batching=True, batch_size=3))
        for index in range(4):
            take(one, index)
        assert len(one.next_group()[0]) == 3

    def test_an_action_that_takes_no_batches_gets_none_whatever_the_mapping_asks_for(self, clock, budget):
        asked = subscription("s1", enable_batching=True)
        one = served(clock, budget, msgspec.structs.replace(asked, takes_batches=False))
        take(one, 0)
        take(one, 1)
        assert len(one.next_group()[0]) == 1
        assert one.batch_rule("s1") is None

    def test_bytes_close_a_batch(self, clock, budget):
        one = served(clock, budget, subscription("s1", enable_batching=True, batch_size=3, batch_bytes=25))
        for index in range(3):
            take(one, index)
        assert len(one.next_group()[0]) == 2

    @pytest.mark.parametrize(
        ("mapping", "size"),
        [
            ({}, None),
            ({"batch_size": 0}, 1000),
            ({"batch_size": 5}, 5),
            ({"batch_size": 500_000}, 1000),
            ({"batch_size": -3}, 1),
        ],
    )
    def test_the_size_is_bounded(self, clock, budget, mapping, size):
        rule = served(clock, budget, subscription("s1", enable_batching=bool(mapping), **mapping)).batch_rule("s1")
        assert (rule and rule.size) == size

    @pytest.mark.parametrize(
        ("function_id", "raised", "size"), [("f", 0, 20), ("f", 2, 2), ("f", 400, 400), ("", 400, 20)]
    )
    def test_the_size_of_a_function_is_that_to_which_the_installation_raised_it(
        self, clock, budget, function_id, raised, size
    ):
        known = destination("d", subscription("s1", enable_batching=True, batch_size=20), function_id=function_id)
        settings = msgspec.structs.replace(SETTINGS, function_batch_events=raised)
        assert Served(known, settings, clock, budget).batch_rule("s1").size == size

    def test_a_function_that_takes_no_batches_gets_none_whatever_was_raised(self, clock, budget):
        settings = msgspec.structs.replace(SETTINGS, function_batch_events=400)
        one = Served(destination("d", subscription("s1"), function_id="f"), settings, clock, budget)
        assert one.batch_rule("s1") is None


class TestUntouched:
    def test_what_no_attempt_has_touched_behind_the_last_that_one_has_can_be_given_back(self, clock, budget):
        one = served(clock, budget)
        works = [take(one, index) for index in range(4)]
        works[0].has_started = works[2].has_started = True
        assert one.untouched() == [works[3]]
        works[2].has_started = False
        assert one.untouched() == [works[3], works[2], works[1]]

    def test_what_lies_before_an_event_that_has_ended_is_not_given_back(self, clock, budget):
        """It would be read again together with that one, whose outcome was counted."""
        one = served(clock, budget)
        works = [take(one, index) for index in (0, 2)]
        one.note_end((works[0].place[0], works[0].place[1] + 1))
        assert one.untouched() == [works[1]]
        one.note_end((works[1].place[0], works[1].place[1] + 1))
        assert one.untouched() == []
