import hashlib
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.sketch import EXACT_LIMIT, Sketch, SketchError, hashes_of

HASHES = st.sets(st.integers(0, 2**64 - 1), max_size=60)
LIMIT = 20
STANDARD_ERROR = 1.04 / 128


def hashed(number, name=b"u"):
    data = b"".join(hashlib.blake2b(b"%b%d" % (name, each), digest_size=8).digest() for each in range(number))
    return hashes_of(data)


def merged(*parts):
    found = Sketch(limit=LIMIT)
    for part in parts:
        found.merge(Sketch(part, limit=LIMIT))
    return found.encode()


class TestMerging:
    @given(HASHES, HASHES, HASHES)
    def test_any_order_and_any_grouping_come_to_the_same(self, one, two, three):
        wanted = Sketch(one | two | three, limit=LIMIT).encode()
        assert {merged(*order) for order in itertools.permutations((one, two, three))} == {wanted}
        grouped = Sketch.decode(merged(two, three), limit=LIMIT)
        grouped.merge(Sketch(one, limit=LIMIT))
        assert grouped.encode() == wanted

    @given(HASHES, HASHES)
    def test_what_is_there_already_changes_nothing(self, one, two):
        assert merged(one, two, one, two) == merged(one, two)

    @pytest.mark.parametrize("seed", range(10))
    def test_registers_are_merged_by_the_higher_of_each(self, seed):
        chosen = random.Random(seed)
        one, two = (bytes(chosen.choices(range(52), k=16_384)) for _ in range(2))
        found = Sketch.decode(b"\x02" + one)
        found.merge(Sketch.decode(b"\x02" + two))
        assert found.encode() == b"\x02" + bytes(map(max, one, two))


class TestCounting:
    @given(HASHES)
    def test_few_are_counted_exactly(self, hashes):
        assert Sketch(hashes).count() == len(hashes)

    def test_the_last_exact_count_is_the_limit(self):
        sketch = Sketch(hashed(EXACT_LIMIT))
        assert (sketch.is_exact, sketch.count()) == (True, EXACT_LIMIT)
        sketch.add(hashed(EXACT_LIMIT + 1))
        assert not sketch.is_exact

    @pytest.mark.parametrize("number", [EXACT_LIMIT + 1, 10_000, 40_000, 80_000, 300_000])
    def test_many_are_counted_within_three_standard_errors(self, number):
        found = Sketch(hashed(number)).count()
        assert abs(found - number) <= 3 * STANDARD_ERROR * number

    def test_the_error_over_many_sets_is_as_stated_and_has_no_side(self):
        number, sets = 6_000, 40
        errors = [Sketch(hashed(number, b"%d-" % each)).count() / number - 1 for each in range(sets)]
        assert (sum(each * each for each in errors) / sets) ** 0.5 <= 1.3 * STANDARD_ERROR
        assert abs(sum(errors) / sets) <= 3 * STANDARD_ERROR / sets**0.5

    def test_nothing_and_everything_are_counted_too(self):
        assert Sketch.decode(b"\x02" + bytes(16_384)).count() == 0
        assert Sketch.decode(b"\x02" + bytes([50] * 16_384)).count() > 2**60


class TestEncoding:
    @given(HASHES)
    def test_what_was_written_is_read(self, hashes):
        written = Sketch(hashes, limit=LIMIT).encode()
        assert Sketch.decode(written, limit=LIMIT).encode() == written

    def test_it_takes_no_more_than_its_limit(self):
        assert len(Sketch(hashed(EXACT_LIMIT)).encode()) == 1 + 8 * EXACT_LIMIT
        assert len(Sketch(hashed(EXACT_LIMIT + 1)).encode()) == 1 + 16_384

    @pytest.mark.parametrize("data", [b"", b"\x03", b"\x01abc", b"\x02" + bytes(9), b"\x02" + bytes([52] * 16_384)])
    def test_anything_else_is_refused(self, data):
        with pytest.raises(SketchError):
            Sketch.decode(data)
