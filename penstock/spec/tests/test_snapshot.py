import msgspec
import pytest

from penstock.spec.snapshot import (
    DestinationFilterSnapshot,
    DestinationSnapshot,
    FilterActionSnapshot,
    SnapshotKind,
    SourceSnapshot,
    SubscriptionSnapshot,
    WarehouseSnapshot,
    decode_snapshot,
    encode_snapshot,
    encode_tombstone,
    key_of,
)

SOURCE = SourceSnapshot("s1", "w1", 3, "web", "Web", True, ["key"], 1000, "web", "website")
DESTINATION = DestinationSnapshot(
    "d1",
    "w",
    1,
    "web",
    "webhook",
    "d1",
    ["Webhook"],
    ["track", "identify", "page", "screen", "group", "alias"],
    True,
    1,
    0,
    b"",
    [SubscriptionSnapshot("s1", "s1", "send", 'type = "track"', b"{}", True)],
)
FILTER = DestinationFilterSnapshot(
    "f1", "all", [FilterActionSnapshot("SAMPLE", {}, 0.5, "userId"), FilterActionSnapshot("DROP")]
)
SOURCE_BEFORE_QUOTAS = bytes.fromhex(
    "5053544b01080000010000001000000026000000dca65a1f95a6736f75726365a27331a2773103c29ba27331a2773103a3776562a3576562"
    "c391a36b6579cd03e8a3776562a777656273697465c2"
)
"""As the first release wrote it."""
DESTINATION_BEFORE_FILTERS = bytes.fromhex(
    "5053544b0108000001000000140000006e000000cb6fda7395ab64657374696e6174696f6ea26431a17701c29da26431a17701a3776562a7"
    "776562686f6f6b"
    "a2643191a7576562686f6f6b96a5747261636ba86964656e74696679a470616765a673637265656ea567726f7570a5616c696173c30100c4"
    "009197a27331a27331a473656e64ae74797065203d2022747261636b22c4027b7dc3c3"
)
"""As the first release wrote it."""


class TestSnapshot:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (SnapshotKind.SOURCE, SOURCE),
            (SnapshotKind.DESTINATION, msgspec.structs.replace(DESTINATION, filters=[FILTER])),
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

    def test_a_source_that_was_published_before_it_had_quotas_has_none(self):
        _, value = decode_snapshot(SOURCE_BEFORE_QUOTAS)
        assert value == SOURCE
        assert (value.event_rate, value.ip) == (0, "keep")

    def test_a_destination_that_was_published_before_there_were_filters_has_none(self):
        _, value = decode_snapshot(DESTINATION_BEFORE_FILTERS)
        assert value == DESTINATION
        assert value.filters == []
