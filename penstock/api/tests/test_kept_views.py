from penstock.api.kept_views import KeptViews
from penstock.api.schema import Answer


class View(Answer):
    some_name: str


def test_a_view_is_found_under_its_version_alone():
    views = KeptViews()
    assert views.keep(("a", 1), View(some_name="x")) == b'{"someName":"x"}'
    assert views.find(("a", 1)) == b'{"someName":"x"}'
    assert views.find(("a", 2)) is None


def test_memory_is_bounded_and_the_oldest_go():
    views = KeptViews(limit=100_000)
    for number in range(1_000):
        views.keep(number, View(some_name="x" * 1_000))
    kept = [number for number in range(1_000) if views.find(number)]
    assert 30 <= len(kept) <= 66
    assert kept == list(range(kept[0], 1_000))


def test_a_view_that_is_kept_twice_counts_once():
    views = KeptViews(limit=2_000)
    for _ in range(10):
        views.keep(1, View(some_name="x" * 1_000))
    assert views.find(1) is not None
