"""Objects of a source on their way from ROUTED into the embedded warehouse, and out of it."""

import msgspec
import pytest

from penstock.kit.time import format_iso
from penstock.spec import routed, streams
from penstock.spec.calls import ForgetObjects, ForgetReport
from penstock.spec.deletions import Deleted
from penstock.spec.routed import FOR_WAREHOUSES, RoutedHead, RoutedRow, SourceRef
from penstock.spec.snapshot import DeletionSnapshot, SelectionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, object_in, packed
from penstock.warehousing.reading import RoutedReader

from .conftest import RECEIVED_MS, WORKSPACE, event, source, warehouse

ROOMS = "SELECT id, name, beds FROM blog.rooms ORDER BY 1"
KEY = b"k" * 32


def told(identifier, collection="rooms", received_ms=RECEIVED_MS, **properties):
    about = {"collection": collection, "id": identifier, "properties": properties}
    return about | {"messageId": f"m-{identifier}", "receivedAt": format_iso(received_ms)}


@pytest.fixture
async def tell(installation):
    await installation.publish(source("blog"))

    async def tell(*objects):
        raw = [msgspec.json.encode(each) for each in objects]
        rows, offset = [], 0
        for body, each in zip(raw, objects, strict=True):
            rows.append(RoutedRow(offset, len(body), 0, 0, each["messageId"], FOR_WAREHOUSES))
            offset += len(body)
        installation.accepted += 1
        head = RoutedHead("w", installation.accepted, 1, 1, 1, [SourceRef(WORKSPACE, "blog")], rows, [], [])
        await installation.log.append(streams.routed_subject(0), routed.encode_routed(head, raw))

    return tell


async def test_the_latest_of_each_object_stands_in_the_table_of_its_collection(installation, tell):
    async with installation.role() as role:
        await tell(told("r1", name="Sea", beds=1), told("r2", beds=3), told("c1", "cats"))
        await installation.route(event("e1"), source_id="blog")
        report = await installation.sync()
        assert (report.errors, report.events) == ({}, 1)
        await tell(told("r1", beds=2))
        assert (await installation.sync()).rows == 1
        assert await installation.query(role, ROOMS) == [["r1", "Sea", 2], ["r2", None, 3]]
        assert await installation.query(role, "SELECT id FROM blog.cats") == [["c1"]]
        assert (await installation.sync()).rows == 0


async def test_what_a_source_missed_while_it_was_not_connected_comes_before_what_it_told_since(installation, tell):
    async with installation.role() as role:
        await tell(told("r1", name="Sea", beds=1))
        await installation.sync()
        await installation.publish(warehouse(version=2, excluded=["blog"]))
        await tell(told("r1", name="Lake", beds=2))
        await installation.sync()
        await installation.publish(warehouse(version=3))
        await tell(told("r1", beds=3))
        await installation.sync()
        assert await installation.query(role, ROOMS) == [["r1", "Lake", 3]]
        assert await installation.query(role, "SELECT * FROM penstock_meta.sources") == []


async def test_a_collection_and_a_column_that_are_off_get_nothing(installation, tell):
    off = SelectionSnapshot("blog", False, ["cats"], {"rooms": ["beds", "id"]})
    await installation.publish(warehouse(version=2, selections=[off]))
    async with installation.role() as role:
        await tell(told("r1", name="Sea", beds=1), told("c1", "cats"))
        await installation.sync()
        tables = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'blog'"
        found = await installation.query(role, tables + " ORDER BY 2")
        assert found == [["rooms", name] for name in ("id", "name", "received_at", "uuid_ts")]


@pytest.mark.parametrize(("collection", "left"), [("", []), ("cats", ["r1"])])
async def test_objects_are_forgotten_on_call(installation, tell, collection, left):
    async with installation.role() as role:
        await tell(told("r1", name="Sea", beds=1), told("r1", "cats"))
        await installation.sync()
        call = ForgetObjects("W1", ["r1"], "blog" if collection else "", collection)
        report = await installation.ask(call, ForgetReport)
        gone = {"blog.rooms": 1, "blog.cats": 1} if not collection else {"blog.cats": 1}
        assert report == ForgetReport(gone)
        assert [row[0] for row in await installation.query(role, ROOMS)] == left


async def test_what_was_told_of_an_object_before_it_was_deleted_is_passed_over(installation, tell):
    def deletion(kind, subject, source_id=""):
        digests = packed([SubjectHasher(KEY, kind).digest(subject)])
        return DeletionSnapshot(subject, WORKSPACE, 1, source_id, KEY, kind, RECEIVED_MS, digests)

    deletions = [
        deletion(SubjectType.OBJECT_ID, "gone"),
        deletion(SubjectType.OBJECT_ID, object_in("cats", "r1"), "blog"),
        deletion(SubjectType.USER_ID, "u-9"),
    ]
    given = {"blog": source("blog")}
    reader = RoutedReader(installation.log, 0, warehouse(), given, deleted=Deleted(deletions, KEY))
    later = told("gone", received_ms=RECEIVED_MS + 1)
    of_a_person = told("r2", user={"id": "u-9"})
    await tell(told("gone"), told("gone", "cats"), told("r1"), told("r1", "cats"), of_a_person, later)
    found = (await reader.step(0, 1)).sources["blog"].objects
    assert {name: [call.id for call in batch.calls] for name, batch in found.items()} == {"rooms": ["r1", "gone"]}
