"""The scenario of the tag Deletion and Suppression."""

from tests.contract.case import Case

OF_A_USER = {"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": ["u-1", "u-2"]}
OF_AN_OBJECT = {
    "regulationType": "DELETE_ONLY",
    "subjectType": "OBJECT_ID",
    "subjectIds": ["o-1"],
    "collection": "rooms",
}


async def prepare(control, source_id):
    """Ids of a regulation of the workspace; the source has one too."""
    made = await control.data("POST", "/regulations", OF_A_USER)
    deleted = OF_A_USER | {"regulationType": "SUPPRESS_WITH_DELETE"}
    await control.data("POST", f"/regulations/sources/{source_id}", deleted)
    return {"regulation": made["regulateId"]}


def cases(ids, *, is_official):
    source, nowhere = f"/regulations/sources/{ids['source']}", "/regulations/sources/nothing"
    cloud = "/regulations/cloudsources"
    deleted = OF_A_USER | {"regulationType": "SUPPRESS_WITH_DELETE" if is_official else "SUPPRESS_AND_DELETE"}
    archived = {"regulationType": "DELETE_ARCHIVE_ONLY", "subjectType": "ANONYMOUS_ID", "subjectIds": ["a-1"]}
    wrong = OF_A_USER | {"subjectIds": []}
    chosen = "?status=INITIALIZED&regulationTypes=SUPPRESS_ONLY&regulationTypes=DELETE_ONLY"
    return [
        Case("createWorkspaceRegulation", "POST", "/regulations", "", deleted, wrong, "subjectIds"),
        Case("listWorkspaceRegulations", "GET", "/regulations"),
        Case("createSourceRegulation", "POST", source, nowhere, archived, wrong, "subjectIds"),
        Case("listRegulationsFromSource", "GET", f"{source}{chosen}", nowhere),
        Case(
            "createCloudSourceRegulation",
            "POST",
            f"{cloud}/{ids['source']}",
            f"{cloud}/nothing",
            OF_AN_OBJECT,
            OF_AN_OBJECT | {"collection": ""},
            "collection",
        ),
        Case("getRegulation", "GET", f"/regulations/{ids['regulation']}", "/regulations/nothing"),
        Case("listSuppressions", "GET", "/suppressions"),
    ]
