"""What functions tell of objects: no event, for warehouses alone, once."""

import pytest

from penstock.spec.routed import FOR_WAREHOUSES
from penstock.spec.snapshot import DeletionSnapshot, SnapshotEnvelope, SnapshotKind, SuppressionSnapshot
from penstock.spec.suppression import SubjectHasher, SubjectType, object_in, packed

KEY = b"k" * 32
HASHER = SubjectHasher(KEY, SubjectType.OBJECT_ID)


def told(message_id="m1", collection="rooms", identifier="o-1", **properties):
    when = "2030-01-02T10:00:00.000Z"
    about = {"messageId": message_id, "receivedAt": when, "collection": collection, "id": identifier}
    return about | {"properties": properties}


@pytest.fixture
def judge(pipeline, build):
    pipeline.rulebook._suppressions._open_key = pipeline.rulebook._deletions._open_key = bytes

    def judge(*objects, **changes):
        return pipeline.judge(build.request(list(objects), call="set", **changes))

    return judge


@pytest.fixture
def tell(pipeline):
    def tell(kind, snapshot):
        pipeline.snapshots = pipeline.snapshots.copy()
        pipeline.snapshots.apply(SnapshotEnvelope(kind, snapshot.id, "ws1", 1, is_deleted=False), snapshot)

    return tell


def test_an_object_is_for_warehouses_as_it_came_and_is_counted_as_no_event(judge):
    objects = [told("m1", n=12345678901234567890), told("m2", identifier="o-2")]
    judged = judge(*objects)
    assert [(row.fate, row.message_id) for row in judged.rows] == [(FOR_WAREHOUSES, "m1"), (FOR_WAREHOUSES, "m2")]
    assert judged.events == objects
    assert (judged.total, judged.head.people) == (0, [])


def test_a_run_that_is_repeated_brings_nothing_twice_and_is_nobodys_duplicate(judge):
    assert judge(told()).ids == ["m1"]
    again = judge(told(), told("m2"), told("m2"))
    assert (again.ids, again.reasons) == (["m2"], {})


@pytest.mark.parametrize(("key", "reason"), [("other", "unknown_source")])
def test_one_of_a_source_that_is_gone_ends_by_name(judge, key, reason):
    judged = judge(told(), write_key=key)
    assert (judged.rows, judged.reasons) == ([], {reason: 1})


def test_one_that_cannot_be_read_ends_by_name(judge):
    assert judge({"messageId": "m1", "id": 7}).reasons == {"bad_request": 1}


@pytest.mark.parametrize(
    ("source_id", "subject", "taken"),
    [
        ("", "o-1", ["other"]),
        ("src_A1", object_in("rooms", "o-1"), ["cat", "other"]),
        ("src_B2", object_in("rooms", "o-1"), ["room", "cat", "other"]),
    ],
)
def test_suppressed_objects_end_by_name_once(judge, tell, source_id, subject, taken):
    digests = packed([HASHER.digest(subject)])
    tell(
        SnapshotKind.SUPPRESSION,
        SuppressionSnapshot("s", "ws1", 1, source_id, KEY, number=1, suppressed=digests, ended=b""),
    )
    objects = [told("room"), told("cat", "cats"), told("other", identifier="o-2")]
    judged = judge(*objects)
    assert judged.ids == taken
    assert judged.reasons == ({"suppressed": 3 - len(taken)} if len(taken) < 3 else {})
    assert judge(*objects).reasons == {}, "a repeated run is not counted again"


@pytest.mark.parametrize(("before", "taken"), [(0, []), (-1, ["m1"])])
def test_what_came_before_its_object_was_deleted_ends_by_name(judge, tell, build, before, taken):
    before += build.received_at
    digests = packed([HASHER.digest("o-1")])
    deletion = DeletionSnapshot("d", "ws1", 1, "", KEY, SubjectType.OBJECT_ID, before, digests)
    tell(SnapshotKind.DELETION, deletion)
    judged = judge(told())
    assert (judged.ids, judged.reasons) == (taken, {} if taken else {"deleted": 1})
