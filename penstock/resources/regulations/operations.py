"""Operations of the tag Deletion and Suppression."""

from typing import Any

from penstock.api.errors import InputInvalid
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.resources.regulations.repository import (
    Wanted,
    require_regulation,
    select_regulations,
    select_subjects,
)
from penstock.resources.regulations.schemas import (
    CreateCloudSourceRegulation,
    CreatedAnswer,
    CreateRegulation,
    CreateRegulationSeed,
    CreateSourceRegulation,
    EntriesAnswer,
    EntriesSeedAnswer,
    ListRegulations,
    ListSourceRegulations,
    RegulationAnswer,
    SourceEntriesAnswer,
    SuppressionsAnswer,
)
from penstock.resources.regulations.service import (
    Asked,
    bounded,
    entry_of,
    listed_since,
    regulate,
    suppressed_of,
    view_of,
)
from penstock.resources.regulations.steps import select_steps
from penstock.resources.regulations.suppressions import select_suppressions
from penstock.resources.sources import require_source, select_ids_of_workspace

_PATH = "/regulations"
_SOURCE_PATH = _PATH + "/sources/{sourceId}"
_BODY_LIMIT = 4 << 20
_LIMIT = RateLimit(600)


@operation(
    "createWorkspaceRegulation",
    "POST",
    _PATH,
    permission=Permission.REGULATION_ADMIN,
    body=schemas(CreateRegulation, seed=CreateRegulationSeed),
    answer=schemas(CreatedAnswer),
    audit=("Regulation Created",),
    limit=_LIMIT,
    body_limit=_BODY_LIMIT,
)
async def create_workspace_regulation(request: Request[CreateRegulation]) -> dict[str, Any]:
    """Suppress or delete up to 5,000 people (or objects), in all sources of the workspace; or end a suppression.

    An id that is named twice counts once. A month has 110,000 ids for the types that reach destinations and warehouses
    (`SUPPRESS_WITH_DELETE`, `DELETE_ONLY`), and as many for the others; what would pass that is refused (429).
    """
    body = request.body
    asked = Asked(body.regulation_type, body.subject_type, body.subject_ids)
    return await regulate(request.unit, asked, "Regulation Created")


@operation(
    "listWorkspaceRegulations",
    "GET",
    _PATH,
    permission=Permission.REGULATION_READ,
    body=schemas(ListRegulations),
    answer=schemas(EntriesAnswer, seed=EntriesSeedAnswer),
    is_paged=True,
)
async def list_workspace_regulations(request: Request[ListRegulations]) -> dict[str, Any]:
    """The regulations of the last 90 days that are about the whole workspace, the newest first."""
    return await _listed(request, "")


@operation(
    "createSourceRegulation",
    "POST",
    _SOURCE_PATH,
    permission=Permission.REGULATION_ADMIN,
    body=schemas(CreateSourceRegulation),
    answer=schemas(CreatedAnswer),
    audit=("Source Regulation Created",),
    limit=_LIMIT,
    body_limit=_BODY_LIMIT,
)
async def create_source_regulation(request: Request[CreateSourceRegulation]) -> dict[str, Any]:
    """Suppress or delete people in one source. Anonymous ids can be deleted from the archive, and nothing else."""
    body, unit = request.body, request.unit
    if body.subject_type == "ANONYMOUS_ID" and body.regulation_type != "DELETE_ARCHIVE_ONLY":
        message = '"subjectType" ANONYMOUS_ID goes with "regulationType" DELETE_ARCHIVE_ONLY alone'
        raise InputInvalid(message, field="subjectType")
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    asked = Asked(body.regulation_type, body.subject_type, body.subject_ids, source.id)
    return await regulate(unit, asked, "Source Regulation Created")


@operation(
    "listRegulationsFromSource",
    "GET",
    _SOURCE_PATH,
    permission=Permission.REGULATION_READ,
    body=schemas(ListSourceRegulations),
    answer=schemas(SourceEntriesAnswer),
    is_paged=True,
)
async def list_regulations_from_source(request: Request[ListSourceRegulations]) -> dict[str, Any]:
    """The regulations of the last 90 days that are about this source, the newest first, and as many as one page has."""
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    return await _listed(request, source.id)


@operation(
    "createCloudSourceRegulation",
    "POST",
    _PATH + "/cloudsources/{sourceId}",
    permission=Permission.REGULATION_ADMIN,
    body=schemas(CreateCloudSourceRegulation),
    answer=schemas(CreatedAnswer),
    audit=("Source Regulation Created",),
    limit=_LIMIT,
    body_limit=_BODY_LIMIT,
)
async def create_cloud_source_regulation(request: Request[CreateCloudSourceRegulation]) -> dict[str, Any]:
    """Suppress or delete objects of one collection of a cloud source."""
    body, unit = request.body, request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    asked = Asked(body.regulation_type, body.subject_type, body.subject_ids, source.id, body.collection)
    return await regulate(unit, asked, "Source Regulation Created")


@operation(
    "getRegulation",
    "GET",
    _PATH + "/{regulateId}",
    permission=Permission.REGULATION_READ,
    answer=schemas(RegulationAnswer),
)
async def get_regulation(request: Request[Nothing]) -> dict[str, Any]:
    """How far a regulation of the last 90 days is, for each source that it is about."""
    unit = request.unit
    found = await require_regulation(unit.connection, unit.workspace_id, request.path["regulateId"], listed_since(unit))
    all_sources = (
        [found.source_id] if found.source_id else await select_ids_of_workspace(unit.connection, unit.workspace_id)
    )
    return {"regulation": view_of(found, all_sources, await select_steps(unit.connection, found.id))}


@operation(
    "listSuppressions",
    "GET",
    "/suppressions",
    permission=Permission.REGULATION_READ,
    answer=schemas(SuppressionsAnswer),
    is_paged=True,
)
async def list_suppressions(request: Request[Nothing]) -> dict[str, Any]:
    """Everybody who is suppressed, whatever regulation began it, the longest suppressed first.

    `count` and `totalEntries` count ids; those of one type that follow each other share an entry.
    """
    unit = request.unit
    found, total = await select_suppressions(unit.connection, unit.workspace_id, request.page)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.digest))
    return {"suppressed": suppressed_of(shown), "pagination": Pagination.of(page)}


async def _listed(request: Request[Any], source_id: str) -> dict[str, Any]:
    unit, body = request.unit, request.body
    wanted = Wanted(source_id, body.status, body.regulation_types, listed_since(unit))
    found, total = await select_regulations(unit.connection, unit.workspace_id, wanted, request.page)
    asked, fitting = bounded(request.page, found)
    shown, page = answer_page(asked, fitting, total, lambda each: (each.created_at, each.id))
    subject_ids = await select_subjects(unit.connection, shown)
    entries = [entry_of(each, subject_ids[each.id]) for each in shown]
    return {"regulations": entries, "pagination": Pagination.of(page)}
