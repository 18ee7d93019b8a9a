"""Tables against the plain truth: whatever is applied, in whatever order, indexes follow and frozen ones stand."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.snapshots.tables import Tables
from penstock.spec.snapshot import DestinationSnapshot, SnapshotEnvelope, SnapshotKind, SourceSnapshot

IDS = st.sampled_from(["a", "b", "c"])
sources = st.builds(
    lambda i, keys: SourceSnapshot(i, "w", 1, "s", "n", True, keys, 0, "s"),
    IDS,
    st.lists(st.sampled_from(["k1", "k2", "k3"]), unique=True, max_size=2),
)
destinations = st.builds(
    lambda i, source: DestinationSnapshot(i, "w", 1, source, "m", "n", [], [], True, 0, 0, b"", []), IDS, IDS
)
changes = st.lists(
    st.one_of(
        sources.map(lambda s: (SnapshotKind.SOURCE, s.id, s)),
        destinations.map(lambda d: (SnapshotKind.DESTINATION, d.id, d)),
        st.tuples(st.sampled_from([SnapshotKind.SOURCE, SnapshotKind.DESTINATION]), IDS, st.none()),
        st.just("freeze"),
    ),
    max_size=30,
)


def seen(snapshots):
    return (
        snapshots.version,
        dict(snapshots.sources),
        dict(snapshots.destinations),
        {key: snapshots.source_by_write_key(key) for key in ("k1", "k2", "k3")},
        {key: snapshots.destinations_of(key) for key in "abc"},
    )


@given(changes)
def test_indexes_follow_and_what_is_frozen_stands(steps):
    tables, frozen = Tables(), []
    truth: dict = {SnapshotKind.SOURCE: {}, SnapshotKind.DESTINATION: {}}
    for revision, step in enumerate(steps, 1):
        if step == "freeze":
            held = tables.freeze()
            frozen.append((held, seen(held)))
            continue
        kind, identifier, snapshot = step
        tables.apply(SnapshotEnvelope(kind, identifier, "w", 1, snapshot is None), snapshot, revision)
        truth[kind].pop(identifier, None)
        if snapshot is not None:
            truth[kind][identifier] = snapshot
        current = tables.current
        assert current.version == revision
        assert current.sources == truth[SnapshotKind.SOURCE]
        assert current.destinations == truth[SnapshotKind.DESTINATION]
        for source in "abc":
            expected = [d for d in truth[SnapshotKind.DESTINATION].values() if d.source_id == source]
            assert sorted(d.id for d in current.destinations_of(source)) == sorted(d.id for d in expected)
        for key in ("k1", "k2", "k3"):
            owners = [s for s in truth[SnapshotKind.SOURCE].values() if key in s.write_keys]
            found = current.source_by_write_key(key)
            assert found in owners if owners else found is None
    for held, before in frozen:
        assert seen(held) == before


def test_freezing_twice_without_a_change_gives_the_same():
    tables = Tables()
    assert tables.freeze() is tables.freeze()
