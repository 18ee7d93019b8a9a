"""What the API takes and tells of regulations; the seed knows fewer types, under names of its own."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, Pagination

SUBJECTS_LIMIT = 5_000
"""Ids in one request."""
Type = Literal[
    "DELETE_INTERNAL",
    "DELETE_ONLY",
    "SUPPRESS_ONLY",
    "SUPPRESS_WITH_DELETE",
    "SUPPRESS_WITH_DELETE_INTERNAL",
    "UNSUPPRESS",
]
SourceType = Literal[
    "DELETE_ARCHIVE_ONLY",
    "DELETE_INTERNAL",
    "DELETE_ONLY",
    "SUPPRESS_ONLY",
    "SUPPRESS_WITH_DELETE",
    "SUPPRESS_WITH_DELETE_INTERNAL",
    "UNSUPPRESS",
]
SeedType = Literal["DELETE_INTERNAL", "DELETE_ONLY", "SUPPRESS_AND_DELETE", "SUPPRESS_ONLY", "UNSUPPRESS"]
Status = Literal["FAILED", "FINISHED", "INITIALIZED", "INVALID", "NOT_SUPPORTED", "PARTIAL_SUCCESS", "RUNNING"]
SubjectIds = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=SUBJECTS_LIMIT)]


class CreateRegulation(Input):
    regulation_type: Type
    subject_type: Literal["OBJECT_ID", "USER_ID"]
    subject_ids: SubjectIds


class CreateRegulationSeed(Input):
    regulation_type: SeedType
    subject_type: Literal["OBJECT_ID", "USER_ID"]
    subject_ids: SubjectIds


class CreateSourceRegulation(Input):
    regulation_type: SourceType
    subject_type: Literal["ANONYMOUS_ID", "USER_ID"]
    subject_ids: SubjectIds


class CreateCloudSourceRegulation(Input):
    regulation_type: Type
    subject_type: Literal["OBJECT_ID"]
    subject_ids: SubjectIds
    collection: Annotated[str, Field(min_length=1, max_length=255)]


class ListRegulations(Input):
    status: Status | None = None
    regulation_types: Annotated[list[Type], BeforeValidator(listed)] = Field(default=[])


class ListSourceRegulations(Input):
    status: Status | None = None
    regulation_types: Annotated[list[SourceType], BeforeValidator(listed)] = Field(default=[])


class CreatedAnswer(Answer):
    regulate_id: str


class Entry(Answer):
    id: str
    subject_type: str
    subjects: list[str]
    status: str
    created_at: str
    regulation_type: str
    finished_at: str | None = None


class EntrySeed(Answer):
    id: str
    workspace_id: str
    overall_status: str
    regulate_type: str
    subject_type: str
    created_at: str


class EntriesAnswer(Answer):
    regulations: list[Entry]
    pagination: Pagination


class EntriesSeedAnswer(Answer):
    regulations: list[EntrySeed]
    pagination: Pagination


class SourceEntriesAnswer(Answer):
    """The contract has no `pagination` here, although the request takes one."""

    regulations: list[Entry]


class DestinationStatus(Answer):
    """All of it is required: what is not known is empty."""

    name: str
    id: str
    status: str
    err_string: str
    finished_at: str


class StreamStatus(Answer):
    id: str
    destination_status: list[DestinationStatus]


class Regulation(Answer):
    id: str
    workspace_id: str
    overall_status: str
    finished_at: str | None = None
    created_at: str
    stream_status: list[StreamStatus]


class RegulationAnswer(Answer):
    regulation: Regulation


class Suppressed(Answer):
    subject_type: str
    subject_ids: list[str]


class SuppressionsAnswer(Answer):
    suppressed: list[Suppressed]
    pagination: Pagination
