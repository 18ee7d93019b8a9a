"""Operations of the tag Functions, second part: versions, and which of them runs."""

from typing import Any

import msgspec

from penstock.api.errors import InputInvalid, NotFound
from penstock.api.operation import Nothing, Question, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.api.versions import Contract
from penstock.resources.functions.operations import ONE_PATH
from penstock.resources.functions.repository import find_version, mark_deployed, select_versions
from penstock.resources.functions.schemas import (
    Deployment,
    DeploymentAnswer,
    RestoreVersion,
    VersionAnswer,
    VersionsAnswer,
)
from penstock.resources.functions.service import add_version, audit, audit_types, function_of, touch, version_view
from penstock.resources.functions.warnings import INSERTED, warning_of
from penstock.spec.calls import FindHandlers, FoundHandlers

_PATH = ONE_PATH + "/versions"
_ALPHA = (Contract.ALPHA,)
_SECONDS = 8.0


async def _ask_for_handlers(request: Request[Nothing]) -> Question | None:
    """An engine that is down keeps nobody from deploying: then there are no warnings."""
    function = await function_of(request)
    if function.resource_type not in INSERTED:
        return None
    call = FindHandlers(function.resource_type, function.code)
    return Question(call, FoundHandlers, _SECONDS, is_needed=False)


@operation(
    "createFunctionDeployment",
    "POST",
    ONE_PATH + "/deploy",
    permission=Permission.FUNCTION_ADMIN,
    answer=schemas(DeploymentAnswer),
    audit=audit_types("Modified"),
    asks=_ask_for_handlers,
)
async def create_function_deployment(request: Request[Nothing]) -> dict[str, Any]:
    """Let the newest version run in all instances.

    Of an insert function that has no handler for some event types, the header `Warning` tells that their events will be
    dropped.
    """
    unit, function = request.unit, await function_of(request)
    deployed = msgspec.structs.replace(function, deployed_id=function.latest_id, deployed_at=unit.now)
    await touch(unit, deployed)
    await mark_deployed(unit.connection, unit.workspace_id, function.latest_id, unit.now)
    await audit(unit, function, "Modified")
    if warning := warning_of(request.reply):
        unit.warn(warning)
    return {"function_deployment": Deployment(status="SUCCESS")}


@operation(
    "listFunctionVersions",
    "GET",
    _PATH,
    permission=Permission.FUNCTION_READ,
    answer=schemas(VersionsAnswer),
    offered=_ALPHA,
    is_paged=True,
)
async def list_function_versions(request: Request[Nothing]) -> dict[str, Any]:
    """A function's versions, the newest first."""
    function = await function_of(request)
    found, total = await select_versions(request.unit.connection, function, request.page)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"versions": [version_view(each, function) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "restoreFunctionVersion",
    "POST",
    _PATH,
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(RestoreVersion),
    answer=schemas(VersionAnswer),
    offered=_ALPHA,
    audit=audit_types("Modified"),
)
async def restore_function_version(request: Request[RestoreVersion]) -> dict[str, Any]:
    """Make a new version of the code and the settings of an old one. It runs when it is deployed."""
    unit, function = request.unit, await function_of(request)
    wanted = await find_version(unit.connection, function, request.body.version_id)
    if wanted is None:
        raise InputInvalid(f'"versionId" {request.body.version_id} is no version of the function', field="versionId")
    changed, version = await add_version(unit, function, wanted.code, wanted.settings)
    await touch(unit, changed)
    await audit(unit, changed, "Modified")
    return {"version": version_view(version, changed)}


@operation(
    "getFunctionVersion",
    "GET",
    _PATH + "/{versionId}",
    permission=Permission.FUNCTION_READ,
    answer=schemas(VersionAnswer),
    offered=_ALPHA,
)
async def get_function_version(request: Request[Nothing]) -> dict[str, Any]:
    """One version."""
    function = await function_of(request)
    found = await find_version(request.unit.connection, function, request.path["versionId"])
    if found is None:
        raise NotFound(f"version {request.path['versionId']} of function {function.id} does not exist")
    return {"version": version_view(found, function)}
