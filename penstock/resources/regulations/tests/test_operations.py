from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from penstock.api.versions import JSON
from penstock.resources.regulations.service import MONTHLY_SUBJECTS
from penstock.resources.regulations.table import regulation_subjects, regulations, suppressions
from penstock.testing.control_plane import V1

DAY_MS = 24 * 3_600_000


@pytest.fixture
async def source_id(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return source["id"]


def regulation(type_, *subject_ids, subject_type="USER_ID"):
    return {"regulationType": type_, "subjectType": subject_type, "subjectIds": list(subject_ids)}


async def make(control, body, path="/regulations"):
    control.clock.advance(61)
    return (await control.data("POST", path, body, accept=V1))["regulateId"]


async def suppressed(control):
    found = (await control.data("GET", "/suppressions", accept=V1))["suppressed"]
    return [subject_id for each in found for subject_id in each["subjectIds"]]


async def rows(control):
    async with control.database.reading() as connection:
        tables = (regulations, regulation_subjects, suppressions)
        return [(await connection.execute(select(func.count()).select_from(each))).scalar_one() for each in tables]


class TestCreate:
    async def test_what_was_asked_for_is_told(self, control, source_id):
        made = await make(control, regulation("SUPPRESS_WITH_DELETE", "u-2", "u-1"))
        (entry,) = (await control.data("GET", "/regulations", accept=V1))["regulations"]
        assert entry["id"] == made
        assert entry["subjects"] == ["u-2", "u-1"]
        assert (entry["subjectType"], entry["regulationType"]) == ("USER_ID", "SUPPRESS_WITH_DELETE")
        one = (await control.data("GET", f"/regulations/{made}", accept=V1))["regulation"]
        assert one["createdAt"] == entry["createdAt"]
        assert one["workspaceId"] == control.first_run.workspace_id
        assert [each["id"] for each in one["streamStatus"]] == [source_id]

    async def test_the_headers_tell_what_is_left_of_the_month_of_its_group(self, control):
        for type_, left in (("DELETE_ONLY", 2), ("SUPPRESS_ONLY", 1), ("SUPPRESS_WITH_DELETE", 3)):
            answer = await control.ask("POST", "/regulations", regulation(type_, "u-1", *["u-2"] * left), accept=V1)
            assert answer.status_code == 200
        assert answer.headers["X-RateLimit-Remaining"] == str(MONTHLY_SUBJECTS - 4)
        assert answer.headers["X-RateLimit-Consumed"] == "4"
        ends = parsedate_to_datetime(answer.headers["X-RateLimit-Reset"])
        assert (ends.day, ends.hour, ends.minute) == (1, 0, 0)

    async def test_the_seed_has_names_of_its_own(self, control):
        body = regulation("SUPPRESS_AND_DELETE", "u-1")
        made = (await control.data("POST", "/regulations", body))["regulateId"]
        await make(control, regulation("SUPPRESS_WITH_DELETE_INTERNAL", "u-2"))
        found = (await control.data("GET", "/regulations"))["regulations"]
        assert [each["regulateType"] for each in found] == ["SUPPRESS_AND_DELETE", "SUPPRESS_AND_DELETE"]
        assert found[1]["id"] == made
        (_, entry) = (await control.data("GET", "/regulations", accept=V1))["regulations"]
        assert entry["regulationType"] == "SUPPRESS_WITH_DELETE"

    @pytest.mark.parametrize(("accept", "refused"), [(V1, 422), (JSON, 400)])
    @pytest.mark.parametrize("path", ["/regulations", "/regulations/sources/{}"])
    async def test_five_thousand_ids_are_taken_and_one_more_is_refused_whole(
        self, control, source_id, path, accept, refused
    ):
        """FC-80. The plain contract declares no 422."""
        path = path.format(source_id)
        ids = [f"user-{number}" for number in range(5_001)]
        answer = await control.ask("POST", path, regulation("SUPPRESS_ONLY", *ids), accept=accept)
        assert answer.status_code == refused
        assert answer.json()["errors"][0]["field"] == "subjectIds"
        assert await rows(control) == [0, 0, 0]
        answer = await control.ask("POST", path, regulation("SUPPRESS_ONLY", *ids[:5_000]), accept=accept)
        assert answer.status_code == 200
        assert await rows(control) == [1, 5_000, 5_000]

    async def test_a_body_of_more_than_four_mebibytes_is_refused(self, control):
        ids = ["x" * 1_000 + str(number) for number in range(4_300)]
        answer = await control.ask("POST", "/regulations", regulation("DELETE_ONLY", *ids), accept=V1)
        assert answer.status_code == 413
        assert await rows(control) == [0, 0, 0]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"subjectIds": []}, "subjectIds"),
            ({"subjectIds": ["a", ""]}, "subjectIds.1"),
            ({"regulationType": "FORGET"}, "regulationType"),
            ({"regulationType": "DELETE_ARCHIVE_ONLY"}, "regulationType"),
            ({"subjectType": "ANONYMOUS_ID"}, "subjectType"),
        ],
    )
    async def test_what_cannot_be_carried_out_is_refused(self, control, change, field):
        answer = await control.ask("POST", "/regulations", regulation("DELETE_ONLY", "u") | change, accept=V1)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    async def test_anonymous_ids_are_deleted_from_the_archive_alone(self, control, source_id):
        path = f"/regulations/sources/{source_id}"
        body = regulation("DELETE_ONLY", "a-1", subject_type="ANONYMOUS_ID")
        answer = await control.ask("POST", path, body, accept=V1)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "subjectType"
        await make(control, body | {"regulationType": "DELETE_ARCHIVE_ONLY"}, path)

    async def test_an_id_that_is_named_twice_counts_once(self, control):
        await make(control, regulation("SUPPRESS_ONLY", "u-1", "u-2", "u-1"))
        assert await rows(control) == [1, 2, 2]

    async def test_the_trail_tells_of_it_without_the_person(self, control):
        made = await make(control, regulation("DELETE_ONLY", "u-secret"))
        trail = await control.ask("GET", "/audit-events", accept=V1)
        assert made in trail.text
        assert "u-secret" not in trail.text


class TestQuota:
    async def fill(self, control, type_, left):
        made = await make(control, regulation(type_, "u-0"))
        async with control.database.writing() as connection:
            used = regulations.update().where(regulations.c.id == made).values(subject_count=MONTHLY_SUBJECTS - left)
            await connection.execute(used)

    async def test_a_month_holds_so_many_of_a_group_and_what_passes_it_is_refused_whole(self, control):
        await self.fill(control, "DELETE_ONLY", left=2)
        before = await rows(control)
        answer = await control.ask("POST", "/regulations", regulation("DELETE_ONLY", "a", "b", "c"), accept=V1)
        assert answer.status_code == 429
        assert answer.headers["x-ratelimit-remaining"] == "2"
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["errors"][0]["data"]["consumedPoints"] == MONTHLY_SUBJECTS - 2
        assert await rows(control) == before
        await make(control, regulation("DELETE_ONLY", "a", "b"))

    async def test_the_groups_count_apart(self, control):
        await self.fill(control, "SUPPRESS_WITH_DELETE", left=0)
        await make(control, regulation("SUPPRESS_ONLY", "a"))
        answer = await control.ask("POST", "/regulations", regulation("DELETE_ONLY", "a"), accept=V1)
        assert answer.status_code == 429

    async def test_another_month_begins_anew(self, control):
        await self.fill(control, "DELETE_ONLY", left=0)
        now = datetime.fromtimestamp(control.clock.now_ms() / 1000, UTC)
        control.clock.advance((32 - now.day) * 24 * 3_600)
        await make(control, regulation("DELETE_ONLY", "a"))


class TestLists:
    async def test_the_lists_of_workspace_and_source_are_apart(self, control, source_id):
        of_all = await make(control, regulation("DELETE_ONLY", "u-1"))
        path = f"/regulations/sources/{source_id}"
        of_source = await make(control, regulation("DELETE_INTERNAL", "u-1"), path)
        found = await control.data("GET", path, accept=V1)
        assert set(found) == {"regulations"}
        assert [each["id"] for each in found["regulations"]] == [of_source]
        assert [each["id"] for each in (await control.data("GET", "/regulations"))["regulations"]] == [of_all]
        streams = (await control.data("GET", f"/regulations/{of_source}", accept=V1))["regulation"]["streamStatus"]
        assert [each["id"] for each in streams] == [source_id]

    @pytest.mark.parametrize(
        "query",
        [
            "regulationTypes=DELETE_ONLY&regulationTypes=UNSUPPRESS",
            "regulationTypes[]=DELETE_ONLY&regulationTypes[]=UNSUPPRESS",
            "regulationTypes[0]=DELETE_ONLY&regulationTypes[1]=UNSUPPRESS",
            "regulationTypes.0=DELETE_ONLY&regulationTypes.1=UNSUPPRESS",
            "regulationTypes=" + quote('["DELETE_ONLY","UNSUPPRESS"]'),
        ],
    )
    async def test_types_are_chosen_however_the_client_writes_a_list(self, control, query):
        made = [await make(control, regulation(each, "u")) for each in ("DELETE_ONLY", "SUPPRESS_ONLY", "UNSUPPRESS")]
        found = (await control.data("GET", f"/regulations?{query}", accept=V1))["regulations"]
        assert [each["id"] for each in found] == [made[2], made[0]]

    async def test_a_status_is_chosen_and_one_that_is_none_is_refused(self, control):
        made = await make(control, regulation("DELETE_ONLY", "u"))
        (entry,) = (await control.data("GET", "/regulations", accept=V1))["regulations"]
        found = await control.data("GET", f"/regulations?status={entry['status']}", accept=V1)
        assert [each["id"] for each in found["regulations"]] == [made]
        assert (await control.data("GET", "/regulations?status=INVALID", accept=V1))["regulations"] == []
        for query in ("status=DONE", "regulationTypes=FORGET"):
            answer = await control.ask("GET", f"/regulations?{query}", accept=V1)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"].startswith(query.split("=")[0])

    async def test_pages_are_walked_from_the_newest(self, control):
        made = [await make(control, regulation("DELETE_ONLY", f"u-{number}")) for number in range(5)]
        seen, query = [], "pagination[count]=2"
        while query:
            page = await control.data("GET", f"/regulations?{query}", accept=V1)
            assert page["pagination"]["totalEntries"] == 5
            seen += [each["id"] for each in page["regulations"]]
            cursor = page["pagination"].get("next")
            query = f"pagination[count]=2&pagination[cursor]={cursor}" if cursor else ""
        assert seen == made[::-1]

    async def test_a_page_ends_before_its_ids_are_too_many_to_be_told(self, control, monkeypatch):
        monkeypatch.setattr("penstock.resources.regulations.service.PAGE_BYTES", 10)
        made = [await make(control, regulation("DELETE_ONLY", "u" * 6 + str(number))) for number in range(3)]
        first = await control.data("GET", "/regulations", accept=V1)
        assert [each["id"] for each in first["regulations"]] == [made[2]]
        query = f"/regulations?pagination[count]=200&pagination[cursor]={first['pagination']['next']}"
        assert [each["id"] for each in (await control.data("GET", query, accept=V1))["regulations"]] == [made[1]]

    async def test_after_ninety_days_a_regulation_is_told_no_more_but_its_suppression_is(self, control):
        made = await make(control, regulation("SUPPRESS_ONLY", "u-1"))
        control.clock.advance(91 * DAY_MS / 1000)
        assert (await control.data("GET", "/regulations", accept=V1))["regulations"] == []
        assert (await control.ask("GET", f"/regulations/{made}", accept=V1)).status_code == 404
        assert await suppressed(control) == ["u-1"]


class TestSuppressions:
    async def test_everybody_who_is_suppressed_is_listed_once_for_a_scope(self, control, source_id):
        await make(control, regulation("SUPPRESS_ONLY", "u-1", "u-2"))
        await make(control, regulation("SUPPRESS_WITH_DELETE", "u-2", "u-3"))
        await make(control, regulation("SUPPRESS_WITH_DELETE_INTERNAL", "u-1"), f"/regulations/sources/{source_id}")
        found = await control.data("GET", "/suppressions", accept=V1)
        assert [each["subjectType"] for each in found["suppressed"]] == ["USER_ID"]
        assert sorted(found["suppressed"][0]["subjectIds"]) == ["u-1", "u-1", "u-2", "u-3"]
        assert found["pagination"]["totalEntries"] == 4

    async def test_a_suppression_is_ended_in_its_scope(self, control, source_id):
        path = f"/regulations/sources/{source_id}"
        await make(control, regulation("SUPPRESS_ONLY", "u-1", "u-2"))
        await make(control, regulation("UNSUPPRESS", "u-1"), path)
        assert sorted(await suppressed(control)) == ["u-1", "u-2"]
        await make(control, regulation("UNSUPPRESS", "u-1", "never"))
        assert await suppressed(control) == ["u-2"]

    async def test_pages_count_ids(self, control):
        await make(control, regulation("SUPPRESS_ONLY", *(f"u-{number}" for number in range(7))))
        seen, query = [], "pagination[count]=3"
        while query:
            page = await control.data("GET", f"/suppressions?{query}", accept=V1)
            seen += [subject_id for each in page["suppressed"] for subject_id in each["subjectIds"]]
            cursor = page["pagination"].get("next")
            query = f"pagination[count]=3&pagination[cursor]={cursor}" if cursor else ""
        assert sorted(seen) == [f"u-{number}" for number in range(7)]

    async def test_those_of_a_source_end_with_it(self, control, source_id):
        await make(control, regulation("SUPPRESS_ONLY", "u-1"), f"/regulations/sources/{source_id}")
        await make(control, regulation("SUPPRESS_ONLY", "u-2"))
        await control.data("DELETE", f"/sources/{source_id}")
        assert await suppressed(control) == ["u-2"]
        assert await rows(control) == [2, 2, 1]

    async def test_where_the_hashes_stand_the_id_does_not(self, control):
        await make(control, regulation("SUPPRESS_ONLY", "u-secret"))
        async with control.database.reading() as connection:
            found = (await connection.execute(select(suppressions))).one()
        assert "u-secret" not in str(found)
        assert len(found.digest) == 16
