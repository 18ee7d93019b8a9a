from penstock.catalog.warehouses.discards import VALUE_LIMIT, DiscardKind, Discards


def test_all_are_counted_and_some_are_kept():
    discards = Discards(limit=2)
    for number in range(5):
        discards.add("t", "c", f"m{number}", number, DiscardKind.CAST_FAILED)
    assert discards.total == 5
    assert [found.row_id for found in discards.kept] == ["m0", "m1"]
    assert discards.notices() == ["t.c: 5 values discarded or inexact (cast_failed)."]


def test_a_long_value_is_cut():
    discards = Discards()
    discards.add("t", "c", "m", "x" * 10_000, DiscardKind.CAST_FAILED)
    assert len(discards.kept[0].value) == VALUE_LIMIT


def test_many_names_make_few_notices_and_little_memory():
    discards = Discards(limit=1)
    for number in range(10_000):
        discards.add("t", f"c{number}", "m", 1, DiscardKind.NO_NAME)
    assert len(discards.notices()) == 21
    assert discards.total == 10_000
    assert len(discards._counts) <= 2_001
