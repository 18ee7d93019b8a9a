"""Regulations: Requests to delete what is kept of people, and to take nothing of theirs any more.

Written by `make docs`; edits here are lost.
"""

from typing import Literal, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Pagination


class CreateRegulationSeed(TypedDict):
    regulationType: Literal["DELETE_INTERNAL", "DELETE_ONLY", "SUPPRESS_AND_DELETE", "SUPPRESS_ONLY", "UNSUPPRESS"]
    subjectType: Literal["OBJECT_ID", "USER_ID"]
    subjectIds: list[str]


class CreatedAnswer(TypedDict):
    regulateId: str


class EntrySeed(TypedDict):
    id: str
    workspaceId: str
    overallStatus: str
    regulateType: str
    subjectType: str
    createdAt: str


class EntriesSeedAnswer(TypedDict):
    regulations: list[EntrySeed]
    pagination: Pagination


class CreateSourceRegulation(TypedDict):
    regulationType: Literal[
        "DELETE_ARCHIVE_ONLY",
        "DELETE_INTERNAL",
        "DELETE_ONLY",
        "SUPPRESS_ONLY",
        "SUPPRESS_WITH_DELETE",
        "SUPPRESS_WITH_DELETE_INTERNAL",
        "UNSUPPRESS",
    ]
    subjectType: Literal["ANONYMOUS_ID", "USER_ID"]
    subjectIds: list[str]


class Entry(TypedDict):
    id: str
    subjectType: str
    subjects: list[str]
    status: str
    createdAt: str
    regulationType: str
    finishedAt: NotRequired[str | None]


class SourceEntriesAnswer(TypedDict):
    """The contract has no `pagination` here, although the request takes one."""

    regulations: list[Entry]


class CreateCloudSourceRegulation(TypedDict):
    regulationType: Literal[
        "DELETE_INTERNAL",
        "DELETE_ONLY",
        "SUPPRESS_ONLY",
        "SUPPRESS_WITH_DELETE",
        "SUPPRESS_WITH_DELETE_INTERNAL",
        "UNSUPPRESS",
    ]
    subjectType: Literal["OBJECT_ID"]
    subjectIds: list[str]
    collection: str


class DestinationStatus(TypedDict):
    """All of it is required: what is not known is empty."""

    name: str
    id: str
    status: str
    errString: str
    finishedAt: str


class StreamStatus(TypedDict):
    id: str
    destinationStatus: list[DestinationStatus]


class Regulation(TypedDict):
    id: str
    workspaceId: str
    overallStatus: str
    finishedAt: NotRequired[str | None]
    createdAt: str
    streamStatus: list[StreamStatus]


class RegulationAnswer(TypedDict):
    regulation: Regulation


class Suppressed(TypedDict):
    subjectType: str
    subjectIds: list[str]


class SuppressionsAnswer(TypedDict):
    suppressed: list[Suppressed]
    pagination: Pagination


class ReceiptLine(TypedDict):
    store: str
    id: str
    name: str
    sourceId: str
    method: str
    state: str
    rows: int
    goneAt: str
    error: str


class Receipt(TypedDict):
    id: str
    regulationType: str
    subjectType: str
    subjectCount: int
    status: str
    createdAt: str
    finishedAt: str
    stores: list[ReceiptLine]


class ReceiptAnswer(TypedDict):
    receipt: Receipt


class RegulationsApi:
    """Requests to delete what is kept of people, and to take nothing of theirs any more."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def create_workspace_regulation(self, body: CreateRegulationSeed) -> CreatedAnswer:
        """Suppress or delete up to 5,000 people (or objects), in all sources of the workspace; or end a suppression.

        An id that is named twice counts once. A month has 110,000 ids for the types that reach destinations and
        warehouses (`SUPPRESS_WITH_DELETE`, `DELETE_ONLY`), and as many for the others; what would pass that is
        refused (429).
        """
        answer: CreatedAnswer = self._ask("POST", "/regulations", body=body)
        return answer

    def list_workspace_regulations(
        self,
        *,
        status: Literal["FAILED", "FINISHED", "INITIALIZED", "INVALID", "NOT_SUPPORTED", "PARTIAL_SUCCESS", "RUNNING"]
        | None = None,
        regulation_types: list[
            Literal[
                "DELETE_INTERNAL",
                "DELETE_ONLY",
                "SUPPRESS_ONLY",
                "SUPPRESS_WITH_DELETE",
                "SUPPRESS_WITH_DELETE_INTERNAL",
                "UNSUPPRESS",
            ]
        ]
        | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> EntriesSeedAnswer:
        """The regulations of the last 90 days that are about the whole workspace, the newest first."""
        answer: EntriesSeedAnswer = self._ask(
            "GET",
            "/regulations",
            query={
                "status": status,
                "regulationTypes": regulation_types,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def create_source_regulation(self, source_id: str, body: CreateSourceRegulation) -> CreatedAnswer:
        """Suppress or delete people in one source. Anonymous ids can be deleted from the archive, and nothing else."""
        answer: CreatedAnswer = self._ask("POST", f"/regulations/sources/{quoted(source_id)}", body=body)
        return answer

    def list_regulations_from_source(
        self,
        source_id: str,
        *,
        status: Literal["FAILED", "FINISHED", "INITIALIZED", "INVALID", "NOT_SUPPORTED", "PARTIAL_SUCCESS", "RUNNING"]
        | None = None,
        regulation_types: list[
            Literal[
                "DELETE_ARCHIVE_ONLY",
                "DELETE_INTERNAL",
                "DELETE_ONLY",
                "SUPPRESS_ONLY",
                "SUPPRESS_WITH_DELETE",
                "SUPPRESS_WITH_DELETE_INTERNAL",
                "UNSUPPRESS",
            ]
        ]
        | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> SourceEntriesAnswer:
        """The regulations of the last 90 days that are about this source, the newest first, and as many as one page
        has.
        """
        answer: SourceEntriesAnswer = self._ask(
            "GET",
            f"/regulations/sources/{quoted(source_id)}",
            query={
                "status": status,
                "regulationTypes": regulation_types,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def create_cloud_source_regulation(self, source_id: str, body: CreateCloudSourceRegulation) -> CreatedAnswer:
        """Suppress or delete objects of one collection of a cloud source."""
        answer: CreatedAnswer = self._ask("POST", f"/regulations/cloudsources/{quoted(source_id)}", body=body)
        return answer

    def get_regulation(self, regulate_id: str) -> RegulationAnswer:
        """How far a regulation of the last 90 days is, for each source that it is about."""
        answer: RegulationAnswer = self._ask("GET", f"/regulations/{quoted(regulate_id)}")
        return answer

    def list_suppressions(self, *, count: int | None = None, cursor: str | None = None) -> SuppressionsAnswer:
        """Everybody who is suppressed, whatever regulation began it, the longest suppressed first.

        `count` and `totalEntries` count ids; those of one type that follow each other share an entry.
        """
        answer: SuppressionsAnswer = self._ask(
            "GET", "/suppressions", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def get_regulation_receipt(self, regulate_id: str) -> ReceiptAnswer:
        """What a regulation has done in every store, for as long as it is kept itself.

        `goneAt` is when the last byte is gone; until then nobody reads what is left. `rows` are those that were
        deleted, or people of whom a destination was told; what a call did that a kill cut off is not counted.
        """
        answer: ReceiptAnswer = self._ask("GET", f"/penstock/regulations/{quoted(regulate_id)}/receipt")
        return answer
