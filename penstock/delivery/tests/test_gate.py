import pytest

from penstock.delivery.attempt import Signal
from penstock.delivery.gate import Circuit, Pace
from penstock.kit.clock import ManualClock
from penstock.kit.settings import Settings


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def circuit(clock: ManualClock) -> Circuit:
    return Circuit(Settings(), clock)


def record(circuit: Circuit, *signals: Signal) -> None:
    for signal in signals:
        circuit.record(signal, is_probe=False)


class TestCircuit:
    def test_it_opens_after_twenty_failures_in_a_row(self, circuit: Circuit):
        record(circuit, *[Signal.FAILING] * 19)
        assert not circuit.is_open
        record(circuit, Signal.FAILING)
        assert circuit.is_open

    def test_one_success_begins_the_row_anew(self, circuit: Circuit):
        record(circuit, *[Signal.FAILING] * 19, Signal.HEALTHY, *[Signal.FAILING] * 19)
        assert not circuit.is_open

    def test_it_opens_when_more_than_nine_in_ten_of_fifty_fail_within_a_minute(self, circuit: Circuit):
        pattern = [*[Signal.FAILING] * 13, Signal.HEALTHY]
        record(circuit, *(pattern * 4)[:49])
        assert not circuit.is_open
        record(circuit, Signal.FAILING)
        assert circuit.is_open

    def test_exactly_nine_in_ten_is_not_enough(self, circuit: Circuit):
        record(circuit, *[Signal.HEALTHY, *[Signal.FAILING] * 9] * 6)
        assert not circuit.is_open

    def test_failures_of_more_than_a_minute_ago_do_not_count(self, circuit: Circuit, clock: ManualClock):
        pattern = [*[Signal.FAILING] * 13, Signal.HEALTHY]
        record(circuit, *pattern * 3)
        clock.advance(61)
        record(circuit, *pattern)
        assert not circuit.is_open

    def test_a_429_and_what_was_not_asked_never_open_it(self, circuit: Circuit):
        record(circuit, *[Signal.THROTTLED] * 100, *[Signal.SILENT] * 100)
        assert not circuit.is_open

    def test_while_open_one_probe_a_minute_may_pass(self, circuit: Circuit, clock: ManualClock):
        record(circuit, *[Signal.FAILING] * 20)
        assert not circuit.may_probe()
        clock.advance(59)
        assert circuit.seconds_to_probe() == pytest.approx(1)
        clock.advance(1)
        assert circuit.may_probe()
        circuit.begin_probe()
        assert not circuit.may_probe()
        circuit.record(Signal.FAILING, is_probe=True)
        assert circuit.is_open
        assert circuit.seconds_to_probe() == pytest.approx(60)

    def test_a_probe_that_succeeds_closes_it_and_forgets(self, circuit: Circuit, clock: ManualClock):
        record(circuit, *[Signal.FAILING] * 60)
        clock.advance(60)
        circuit.begin_probe()
        circuit.record(Signal.HEALTHY, is_probe=True)
        assert not circuit.is_open
        record(circuit, *[Signal.FAILING] * 19)
        assert not circuit.is_open

    def test_a_probe_that_asked_nobody_may_be_followed_by_another(self, circuit: Circuit, clock: ManualClock):
        record(circuit, *[Signal.FAILING] * 20)
        clock.advance(60)
        circuit.begin_probe()
        circuit.record(Signal.SILENT, is_probe=True)
        assert circuit.is_open
        assert circuit.may_probe()

    def test_a_late_answer_from_before_it_opened_changes_nothing(self, circuit: Circuit):
        record(circuit, *[Signal.FAILING] * 20, Signal.HEALTHY)
        assert circuit.is_open


class TestPace:
    def test_it_is_unlimited_until_the_destination_asks_for_less(self, clock: ManualClock):
        pace = Pace(clock)
        for _ in range(1000):
            assert pace.delay() == 0
            pace.spend()

    def test_a_429_halves_what_was_sent_in_a_second(self, clock: ManualClock):
        pace = Pace(clock)
        clock.advance(1)
        for _ in range(40):
            pace.spend()
        pace.throttle(0)
        assert pace.rate == 20
        assert pace.delay() == pytest.approx(1 / 20)

    def test_many_answers_of_one_second_halve_it_once(self, clock: ManualClock):
        pace = Pace(clock)
        for _ in range(40):
            pace.spend()
        for _ in range(10):
            pace.throttle(0)
        assert pace.rate == 20
        clock.advance(1)
        for _ in range(20):
            pace.spend()
        pace.throttle(0)
        assert pace.rate == 10

    def test_it_never_falls_under_one_attempt_a_second(self, clock: ManualClock):
        pace = Pace(clock)
        for _ in range(20):
            pace.spend()
            pace.throttle(0)
            clock.advance(2)
        assert pace.rate == 1

    def test_retry_after_holds_everything_back_until_then(self, clock: ManualClock):
        pace = Pace(clock)
        pace.throttle(30)
        assert pace.delay() == pytest.approx(30)
        clock.advance(31)
        assert pace.delay() == 0

    def test_retry_after_is_capped_at_an_hour(self, clock: ManualClock):
        pace = Pace(clock)
        pace.throttle(1e9)
        assert pace.delay() == pytest.approx(3600)

    def test_successes_speed_it_up_until_it_has_no_limit(self, clock: ManualClock):
        pace = Pace(clock)
        pace.throttle(0)
        first = pace.rate
        pace.succeed()
        assert pace.rate > first
        for _ in range(1000):
            pace.succeed()
        assert pace.rate is None

    def test_tokens_flow_at_the_rate(self, clock: ManualClock):
        pace = Pace(clock)
        for _ in range(20):
            pace.spend()
        pace.throttle(0)
        started = 0
        for _ in range(100):
            clock.advance(0.1)
            while pace.delay() == 0:
                pace.spend()
                started += 1
        assert 98 <= started <= 101
