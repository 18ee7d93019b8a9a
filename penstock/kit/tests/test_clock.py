import asyncio

from penstock.kit.backoff import backoff
from penstock.kit.clock import ManualClock, SystemClock
from penstock.kit.ids import derived_id, message_id, resource_id, write_key


class TestManualClock:
    async def test_sleep_returns_when_the_clock_was_moved_far_enough(self):
        clock = ManualClock(now_ms=0)
        sleeper = asyncio.create_task(clock.sleep(2.0))
        await asyncio.sleep(0)
        clock.advance(1.0)
        await asyncio.sleep(0)
        assert not sleeper.done()
        clock.advance(1.0)
        await asyncio.wait_for(sleeper, 60)
        assert (clock.now_ms(), clock.monotonic()) == (2000, 2.0)


class TestSystemClock:
    def test_an_offset_shifts_wall_time(self):
        assert SystemClock(10_000_000).now_ms() - SystemClock().now_ms() > 9_000_000


class TestBackoff:
    def test_waits_double_up_to_the_limit_within_their_jitter(self):
        waits = backoff(1.0, 4.0, jitter=0.5)
        nominal = [1.0, 2.0, 4.0, 4.0, 4.0]
        for wanted, wait in zip(nominal, waits, strict=False):
            assert wanted * 0.5 <= wait <= wanted * 1.5


class TestIds:
    def test_made_ids_have_the_documented_shapes_and_differ(self):
        assert len(resource_id()) == 22
        assert len(write_key()) == 32
        assert len({message_id() for _ in range(100)}) == 100

    def test_a_derived_id_is_the_same_for_the_same_parts_only(self):
        assert derived_id("a", "b") == derived_id("a", "b")
        assert derived_id("a", "b") != derived_id("ab", "")
