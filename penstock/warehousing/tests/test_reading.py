import pytest

from penstock.kit.time import read_iso
from penstock.spec import routed, streams
from penstock.spec.deletions import Deleted
from penstock.spec.routed import RoutedHead, RoutedRow, SourceRef
from penstock.spec.snapshot import DeletionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, packed
from penstock.warehousing.flatten import flatten
from penstock.warehousing.reading import RoutedReader, schema_name_of

from .conftest import WORKSPACE, event, source, warehouse


@pytest.fixture
def reader(installation):
    return RoutedReader(installation.log, 0, warehouse(), {"shop": source("shop", schema="my_shop")})


class TestStep:
    async def test_it_ends_where_it_is_told_to(self, installation, reader):
        for number in range(5):
            await installation.route(event(f"m{number}"))
        step = await reader.step(1, 3)
        assert step.to == 3
        assert step.sources["shop"].tables["tracks"].ids == ["m1", "m2"]

    async def test_an_end_that_is_purged_is_reached_all_the_same(self, installation, reader):
        for number in range(3):
            await installation.route(event(f"m{number}"))
        await installation.log.purge(streams.routed(0), below=3)
        step = await reader.step(0, 3)
        assert (step.to, step.sources["shop"].tables["tracks"].ids) == (3, ["m2"])

    async def test_it_is_bounded_in_bytes(self, installation, reader, monkeypatch):
        monkeypatch.setattr("penstock.warehousing.reading.STEP_BYTES", 1)
        await installation.route(event("m1"))
        await installation.route(event("m2"))
        step = await reader.step(0, 2)
        assert (step.to, step.is_full) == (1, True)

    async def test_it_is_bounded_in_cells(self, installation, reader, monkeypatch):
        monkeypatch.setattr("penstock.warehousing.reading.STEP_CELLS", 100)
        await installation.route(event("m1", properties={f"p{number}": 1 for number in range(200)}))
        await installation.route(event("m2"))
        assert (await reader.step(0, 2)).to == 1

    async def test_a_frame_without_a_wanted_source_is_work_for_nobody(self, installation, reader):
        await installation.route(event("m1"), workspace="another")
        step = await reader.step(0, 1)
        assert (step.to, step.has_work, step.bytes) == (1, False, 0)

    async def test_somebody_who_was_deleted_since_is_passed_over(self, installation):
        hashed = packed([SubjectHasher(b"k" * 32, SubjectType.USER_ID).digest("u-9")])
        before = read_iso("2024-05-01T10:00:00.000Z")[0]
        deletion = DeletionSnapshot("d1", WORKSPACE, 1, "", b"k" * 32, SubjectType.USER_ID, before, hashed)
        reader = RoutedReader(
            installation.log,
            0,
            warehouse(),
            {"shop": source("shop", schema="my_shop")},
            deleted=Deleted([deletion], b"k" * 32),
        )
        for number, (user, received_at) in enumerate(
            [("u-9", "2024-05-01T10:00:00.000Z"), ("u-9", "2024-05-01T10:00:00.001Z"), ("u-1", "2024-05-01T09:00:00Z")]
        ):
            await installation.route(event(f"m{number}", userId=user, receivedAt=received_at))
        assert (await reader.step(0, 3)).sources["shop"].tables["tracks"].ids == ["m1", "m2"]

    async def test_an_event_that_cannot_be_read_is_a_discard_and_the_others_are_rows(self, installation, reader):
        raw = [b"not json", b'{"type":"track","event":"A","messageId":"m2"}']
        rows = [RoutedRow(0, 8, 0, 0, "m1"), RoutedRow(8, len(raw[1]), 0, 0, "m2")]
        head = RoutedHead("w", 1, 1, 1, 1, [SourceRef(WORKSPACE, "shop")], rows, [], [])
        await installation.log.append(streams.routed_subject(0), routed.encode_routed(head, raw))
        batch = (await reader.step(0, 1)).sources["shop"]
        assert [(found.row_id, found.kind) for found in batch.discards.kept] == [("m1", "unreadable")]
        assert batch.tables["a"].ids == ["m2"]

    async def test_an_event_that_nobody_foresaw_is_a_discard_and_holds_nothing(self, installation, reader, monkeypatch):
        def broken(batch, event, message_id, *rest):
            if message_id == "m1":
                raise RuntimeError("nobody thought of this")
            flatten(batch, event, message_id, *rest)

        monkeypatch.setattr("penstock.warehousing.reading.flatten", broken)
        await installation.route(event("m1"), event("m2"))
        batch = (await reader.step(0, 1)).sources["shop"]
        assert [(found.row_id, found.kind) for found in batch.discards.kept] == [("m1", "unreadable")]
        assert batch.tables["tracks"].ids == ["m2"]

    async def test_an_event_that_excludes_the_warehouse_is_passed_over(self, installation, reader):
        elsewhere = {"All": False, "Warehouses": {"warehouseIds": ["W2"]}}
        here = {"All": False, "Warehouses": {"warehouseIds": ["W1"]}}
        await installation.route(event("m1", integrations=elsewhere), event("m2", integrations=here))
        assert (await reader.step(0, 1)).sources["shop"].tables["tracks"].ids == ["m2"]


class TestSchemaNameOf:
    def test_a_source_has_the_schema_that_was_fixed_for_it(self):
        assert schema_name_of("shop", source("shop", schema="my_shop")) == "my_shop"

    def test_a_source_that_is_gone_is_known_by_its_id(self):
        assert schema_name_of("aB1", None) == "source_ab1"
