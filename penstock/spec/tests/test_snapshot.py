import pytest

from penstock.spec.snapshot import (
    SnapshotKind,
    SourceSnapshot,
    WarehouseSnapshot,
    decode_snapshot,
    encode_snapshot,
    encode_tombstone,
    key_of,
)

SOURCE = SourceSnapshot("s1", "w1", 3, "web", "Web", True, ["key"], 1000, "web", "website")
GOLDEN_SOURCE = encode_snapshot(SnapshotKind.SOURCE, SOURCE)


class TestSnapshot:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (SnapshotKind.SOURCE, SOURCE),
            (SnapshotKind.WAREHOUSE, WarehouseSnapshot("h1", "w1", 1, "duckdb", "DuckDB", True, 1, b"sealed", ["s2"])),
        ],
    )
    def test_what_was_published_is_read(self, kind, value):
        envelope, found = decode_snapshot(encode_snapshot(kind, value))
        assert found == value
        assert (envelope.kind, envelope.id, envelope.version, envelope.is_deleted) == (
            kind,
            value.id,
            value.version,
            False,
        )

    def test_a_tombstone_keeps_its_version_and_has_no_value(self):
        envelope, value = decode_snapshot(encode_tombstone(SnapshotKind.SOURCE, "w1", "s1", 9))
        assert value is None
        assert (envelope.version, envelope.is_deleted) == (9, True)

    def test_the_key_names_workspace_kind_and_id(self):
        assert key_of("w1", SnapshotKind.DESTINATION, "d1") == "w1.destination.d1"

    def test_the_bytes_of_version_1_stay(self):
        assert GOLDEN_SOURCE.hex() == (
            "5053544b01080000010000001000000026000000dca65a1f95a6736f75726365a27331a2773103c29ba27331a2773103a3776562a3576562"
            "c391a36b6579cd03e8a3776562a777656273697465c2"
        )
