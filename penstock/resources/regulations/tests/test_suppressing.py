"""What the data plane is told of suppressions, judged as the pipeline judges."""

from random import Random

import pytest
from sqlalchemy import select

from penstock.api.outbox import outbox
from penstock.infra.snapshots import Snapshots
from penstock.resources.regulations import Execution, Folding, folding, select_snapshots
from penstock.resources.regulations.table import suppression_segments
from penstock.spec.deletions import Deletions
from penstock.spec.snapshot import SuppressionSnapshot
from penstock.spec.suppressed import Suppressions
from penstock.testing.control_plane import V1


class Told:
    """Everything that was published, in order, as a reader has it."""

    def __init__(self, control):
        self._control = control

    async def snapshots(self):
        held = Snapshots()
        for envelope, snapshot in await self._control.outbox():
            held.apply(envelope, snapshot)
        return held

    async def suppressed(self, source_id, *user_ids):
        suppressed = await self._suppressed(source_id)
        return [each for each in user_ids if suppressed is not None and each in suppressed]

    async def suppressed_objects(self, source_id, *objects):
        """Of pairs of collection and id."""
        suppressed = await self._suppressed(source_id)
        return [each for each in objects if suppressed is not None and suppressed.holds_object(*each)]

    async def _suppressed(self, source_id):
        held = await self.snapshots()
        return Suppressions(self._control.sealer.open).of(
            source_id, held.suppressions_of(held.sources[source_id].workspace_id)
        )


@pytest.fixture
def told(control):
    return Told(control)


@pytest.fixture
async def source_id(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return source["id"]


@pytest.fixture
def regulate(control):
    async def make(type_, *subject_ids, path="/regulations", subject_type="USER_ID", **more):
        control.clock.advance(1)
        body = {"regulationType": type_, "subjectType": subject_type, "subjectIds": list(subject_ids)} | more
        return (await control.data("POST", path, body, accept=V1))["regulateId"]

    return make


def of_collection(source_id, collection="rooms"):
    path = f"/regulations/cloudsources/{source_id}"
    return {"path": path, "subject_type": "OBJECT_ID", "collection": collection}


class TestTelling:
    async def test_a_suppression_is_published_with_its_answer(self, control, told, source_id, regulate):
        before = len(control.published)
        await regulate("SUPPRESS_ONLY", "u-1", "u-2")
        assert len(control.published) == before + 1
        assert await told.suppressed(source_id, "u-1", "u-2", "u-3") == ["u-1", "u-2"]

    async def test_it_ends_and_begins_again(self, told, source_id, regulate):
        await regulate("SUPPRESS_WITH_DELETE", "u-1", "u-2")
        await regulate("UNSUPPRESS", "u-1")
        assert await told.suppressed(source_id, "u-1", "u-2") == ["u-2"]
        await regulate("SUPPRESS_WITH_DELETE_INTERNAL", "u-1")
        assert await told.suppressed(source_id, "u-1", "u-2") == ["u-1", "u-2"]

    async def test_with_its_end_it_is_told_whose_events_until_then_stay_away(self, control, told, source_id, regulate):
        await regulate("SUPPRESS_ONLY", "u-1", "u-2")
        await regulate("UNSUPPRESS", "u-1", "u-3")
        deletions = (await told.snapshots()).deletions_of(control.first_run.workspace_id)
        now = control.clock.now_ms()
        ended = Deletions(control.sealer.open, of_suppressions=True).among(deletions)
        covered = [each for each in ("u-1", "u-2", "u-3") if ended.covers(source_id, each, None, now - 1)]
        assert covered == ["u-1"], "nobody else's suppression has ended"
        assert not ended.covers(source_id, "u-1", None, now + 60_000)
        assert Deletions(control.sealer.open).among(deletions) is None, "what is stored stays"

    async def test_where_nobody_was_suppressed_no_end_is_told(self, told, regulate):
        await regulate("UNSUPPRESS", "u-1")
        assert not (await told.snapshots()).deletions

    async def test_that_of_a_source_is_for_it_alone_and_goes_with_it(self, control, told, source_id, regulate):
        other = (await control.data("POST", "/sources", {"slug": "other", "metadataId": "iUM16Md8P2"}))["source"]["id"]
        await regulate("SUPPRESS_ONLY", "u-1", path=f"/regulations/sources/{other}")
        assert await told.suppressed(source_id, "u-1") == []
        assert await told.suppressed(other, "u-1") == ["u-1"]
        await control.data("DELETE", f"/sources/{other}")
        assert (await told.snapshots()).suppressions == {}

    @pytest.mark.parametrize("type_", ["DELETE_ONLY", "DELETE_INTERNAL"])
    async def test_a_deletion_suppresses_nobody(self, told, source_id, regulate, type_):
        await regulate(type_, "u-1")
        assert await told.suppressed(source_id, "u-1") == []

    async def test_no_id_is_told(self, control, regulate):
        await regulate("SUPPRESS_ONLY", "u-secret")
        assert b"u-secret" not in b"".join(each.suppressed for each in (await suppressions_of_rows(control)).values())

    async def test_what_is_published_can_be_made_again_from_the_rows(self, control, told, regulate):
        await regulate("SUPPRESS_ONLY", "u-1")
        await regulate("UNSUPPRESS", "u-1")
        held = await told.snapshots()
        assert {(each.id, type(each)): each for each in await snapshots_of_rows(control)} == {
            (each.id, type(each)): each for each in (*held.suppressions.values(), *held.deletions.values())
        }


async def snapshots_of_rows(control):
    async with control.database.reading() as connection:
        return [snapshot for _, snapshot in await select_snapshots(connection)]


async def suppressions_of_rows(control):
    return {each.id: each for each in await snapshots_of_rows(control) if isinstance(each, SuppressionSnapshot)}


class TestStatus:
    @pytest.fixture
    def execution(self, control):
        return Execution(control.database, control.sealer, control.clock)

    async def status(self, control, made):
        found = (await control.data("GET", f"/regulations/{made}", accept=V1))["regulation"]
        return found["overallStatus"], "finishedAt" in found

    async def publish_all(self, control):
        async with control.database.writing() as connection:
            await connection.execute(outbox.delete())

    async def test_a_suppression_is_done_when_the_data_plane_knows_it(self, control, execution, regulate):
        made = [await regulate(each, "u-1") for each in ("SUPPRESS_ONLY", "UNSUPPRESS")]
        await execution.round()
        assert {await self.status(control, each) for each in made} == {("INITIALIZED", False)}
        await self.publish_all(control)
        await execution.round()
        assert {await self.status(control, each) for each in made} == {("FINISHED", True)}

    @pytest.mark.parametrize(
        ("ended", "status"),
        [(["u-1"], "FAILED"), (["u-1", "u-2"], "PARTIAL_SUCCESS"), (["u-2"], "FINISHED")],
    )
    async def test_what_the_workspace_suppresses_cannot_be_ended_for_a_source(
        self, control, execution, source_id, regulate, ended, status
    ):
        await regulate("SUPPRESS_ONLY", "u-1")
        made = await regulate("UNSUPPRESS", *ended, path=f"/regulations/sources/{source_id}")
        await self.publish_all(control)
        await execution.round()
        assert await self.status(control, made) == (status, True)

    async def test_the_suppression_of_an_object_is_done_when_it_is_told(self, control, execution, regulate):
        made = await regulate("SUPPRESS_ONLY", "o-1", subject_type="OBJECT_ID")
        await self.publish_all(control)
        await execution.round()
        assert await self.status(control, made) == ("FINISHED", True)
        (found,) = (await control.data("GET", "/suppressions"))["suppressed"]
        assert (found["subjectType"], found["subjectIds"]) == ("OBJECT_ID", ["o-1"])

    async def test_an_object_that_the_workspace_suppresses_cannot_be_ended_for_a_collection(
        self, control, execution, source_id, regulate
    ):
        await regulate("SUPPRESS_ONLY", "o-1", subject_type="OBJECT_ID")
        made = await regulate("UNSUPPRESS", "o-1", **of_collection(source_id))
        await self.publish_all(control)
        await execution.round()
        assert await self.status(control, made) == ("FAILED", True)


class TestObjects:
    ROOMS, CATS = ("rooms", "o-1"), ("cats", "o-1")

    async def test_one_of_the_workspace_is_meant_in_every_collection_and_is_nobody(self, told, source_id, regulate):
        await regulate("SUPPRESS_WITH_DELETE", "o-1", subject_type="OBJECT_ID")
        assert await told.suppressed_objects(source_id, self.ROOMS, self.CATS, ("rooms", "o-2")) == [
            self.ROOMS,
            self.CATS,
        ]
        assert await told.suppressed(source_id, "o-1") == []
        await regulate("UNSUPPRESS", "o-1", subject_type="OBJECT_ID")
        assert await told.suppressed_objects(source_id, self.ROOMS, self.CATS) == []

    async def test_one_of_a_collection_is_meant_in_that_of_its_source_alone(self, control, told, source_id, regulate):
        other = (await control.data("POST", "/sources", {"slug": "other", "metadataId": "iUM16Md8P2"}))["source"]["id"]
        await regulate("SUPPRESS_ONLY", "o-1", **of_collection(source_id, "Rooms"))
        assert await told.suppressed_objects(source_id, self.ROOMS, self.CATS) == [self.ROOMS]
        assert await told.suppressed_objects(other, self.ROOMS) == []
        await regulate("UNSUPPRESS", "o-1", **of_collection(source_id))
        assert await told.suppressed_objects(source_id, self.ROOMS) == []


class TestFolding:
    @pytest.fixture
    def fold(self, control, monkeypatch):
        async def fold(*, base_digests=8):
            monkeypatch.setattr(folding, "BASE_DIGESTS", base_digests)
            waited = Folding(control.database, control.clock, control._published)
            await waited.fold((control.first_run.workspace_id, ""))

        return fold

    async def rows(self, control):
        async with control.database.reading() as connection:
            found = (await connection.execute(select(suppression_segments))).all()
        return sorted((row.number, row.bits, row.prefix) for row in found)

    async def test_who_is_suppressed_stays_the_same_whatever_is_folded_and_when(
        self, control, told, source_id, regulate, fold
    ):
        random, expected, everybody = Random(5), set(), [f"u-{number}" for number in range(60)]
        for round_ in range(12):
            chosen = random.sample(everybody, 7)
            is_ended = round_ % 3 == 2
            await regulate("UNSUPPRESS" if is_ended else "SUPPRESS_ONLY", *chosen)
            expected = expected - set(chosen) if is_ended else expected | set(chosen)
            if round_ in (3, 4, 8):
                await fold(base_digests=random.choice((4, 8, 1 << 16)))
            assert set(await told.suppressed(source_id, *everybody)) == expected
        assert await suppressions_of_rows(control) == (await told.snapshots()).suppressions

    async def test_bases_take_the_place_of_what_was_laid(self, control, regulate, fold):
        for number in range(4):
            await regulate("SUPPRESS_ONLY", *(f"u-{number}-{each}" for each in range(4)))
        await fold()
        assert await self.rows(control) == [(0, 2, prefix) for prefix in range(4)]
        await regulate("SUPPRESS_ONLY", "u-new")
        await fold(base_digests=1 << 16)
        assert await self.rows(control) == [(0, 0, 0)]

    async def test_a_fold_that_was_killed_anywhere_changes_nothing_and_is_begun_anew(
        self, control, told, source_id, regulate, fold, monkeypatch
    ):
        ids = [f"u-{number}" for number in range(30)]
        await regulate("SUPPRESS_ONLY", *ids)
        await fold(base_digests=32)
        await regulate("UNSUPPRESS", *ids[:10])
        await regulate("SUPPRESS_ONLY", *ids[:5])
        alive = Folding._write
        for survived in range(8):
            monkeypatch.setattr(Folding, "_write", dying(alive, survived))
            with pytest.raises(Killed):
                await fold(base_digests=4)
            assert await told.suppressed(source_id, *ids) == ids[:5] + ids[10:]
        monkeypatch.setattr(Folding, "_write", alive)
        await fold(base_digests=4)
        assert await told.suppressed(source_id, *ids) == ids[:5] + ids[10:]
        assert {number for number, _, _ in await self.rows(control)} == {0}

    async def test_a_source_that_was_deleted_meanwhile_comes_not_back(self, control, regulate, monkeypatch):
        made = (await control.data("POST", "/sources", {"slug": "other", "metadataId": "iUM16Md8P2"}))["source"]["id"]
        await regulate("SUPPRESS_ONLY", "u-1", path=f"/regulations/sources/{made}")
        alive = Folding._write

        async def late(self, change):
            await control.data("DELETE", f"/sources/{made}")
            monkeypatch.setattr(Folding, "_write", alive)
            await alive(self, change)

        monkeypatch.setattr(Folding, "_write", late)
        await Folding(control.database, control.clock, control._published).fold((control.first_run.workspace_id, made))
        assert await self.rows(control) == []

    async def test_few_segments_are_left_alone(self, control, regulate, monkeypatch):
        monkeypatch.setattr(folding, "LAID_LIMIT", 2)
        waited = Folding(control.database, control.clock, control._published)
        for number in range(3):
            assert await waited._full_scopes() == []
            await regulate("SUPPRESS_ONLY", f"u-{number}")
        assert await waited._full_scopes() == [(control.first_run.workspace_id, "")]


class Killed(Exception):
    pass


def dying(write, survived):
    left = [survived]

    async def die(self, change):
        if not left[0]:
            raise Killed
        left[0] -= 1
        await write(self, change)

    return die
