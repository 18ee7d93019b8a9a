"""Operations of the tag Functions, first part: the functions themselves."""

import secrets
from typing import Any

import msgspec

from penstock.api.errors import InputInvalid
from penstock.api.operation import Nothing, Question, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.scope import anywhere
from penstock.kit.ids import resource_id
from penstock.resources.destinations import select_destinations_with
from penstock.resources.functions.admission import ask_to_parse, require_fit, require_room, require_script
from penstock.resources.functions.instance_rows import has_instances
from penstock.resources.functions.repository import Function, insert_function, select_functions
from penstock.resources.functions.repository import delete_function as delete_row
from penstock.resources.functions.schemas import (
    CreateFunction,
    CreateFunctionSeed,
    FunctionAnswer,
    FunctionsAnswer,
    ListFunctions,
    ListFunctionsSeed,
    SeedFunctionAnswer,
    SeedFunctionsAnswer,
    UpdateFunction,
    UpdateFunctionSeed,
)
from penstock.resources.functions.service import (
    PREFIXES,
    add_version,
    audit,
    audit_types,
    first_version,
    function_of,
    stored_settings,
    suffix_of,
    touch,
    view_of,
)
from penstock.resources.functions.snapshot import publish
from penstock.spec.snapshot import SnapshotKind

_PATH = "/functions"
ONE_PATH = _PATH + "/{functionId}"
_ONE = schemas(FunctionAnswer, seed=SeedFunctionAnswer)


@operation(
    "listFunctions",
    "GET",
    _PATH,
    permission=anywhere(Permission.FUNCTION_READ),
    body=schemas(ListFunctions, seed=ListFunctionsSeed),
    answer=schemas(FunctionsAnswer, seed=SeedFunctionsAnswer),
    is_paged=True,
)
async def list_functions(request: Request[ListFunctions]) -> dict[str, Any]:
    """The functions of one kind that the token may read, the oldest first."""
    unit, reach = request.unit, request.principal.reach(Permission.FUNCTION_READ)
    found, total = await select_functions(unit.connection, unit.workspace_id, request.body.kinds, request.page, reach)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    suffix = await suffix_of(unit)
    return {"functions": [view_of(unit, each, suffix) for each in shown], "pagination": Pagination.of(page)}


async def _ask_about_new(request: Request[CreateFunction]) -> Question:
    body = request.body
    require_fit(body.resource_type, body.display_name, body.code, body.settings)
    return ask_to_parse(body.code)


@operation(
    "createFunction",
    "POST",
    _PATH,
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(CreateFunction, seed=CreateFunctionSeed),
    answer=_ONE,
    audit=audit_types("Created"),
    asks=_ask_about_new,
)
async def create_function(request: Request[CreateFunction]) -> dict[str, Any]:
    """Make a function with its first version. Its kind cannot be changed; a workspace has at most 25.

    The code is parsed: an error tells its line and its column. `catalogId`, or the function's own id, is the
    `metadataId` of the sources or destinations that are made of it.
    """
    body, unit = request.body, request.unit
    require_script(request.reply)
    await require_room(unit)
    identifier = PREFIXES[body.resource_type] + resource_id()
    version = first_version(unit, identifier, body.code, stored_settings(body.settings))
    function = Function(
        id=identifier,
        workspace_id=unit.workspace_id,
        version=1,
        resource_type=body.resource_type,
        display_name=body.display_name,
        description=body.sent().get("description"),
        logo_url=body.sent().get("logo_url"),
        catalog_id=secrets.token_hex(12),
        latest_id=version.id,
        deployed_id="",
        deployed_at=None,
        created_by=unit.principal.actor,
        created_at=unit.now,
        code=version.code,
        settings=version.settings,
    )
    await insert_function(unit.connection, function, version)
    await publish(unit, function)
    await audit(unit, function, "Created")
    return {"function": view_of(unit, function, await suffix_of(unit))}


@operation("getFunction", "GET", ONE_PATH, permission=Permission.FUNCTION_READ, answer=_ONE)
async def get_function(request: Request[Nothing]) -> dict[str, Any]:
    """One function, with the code of its newest version."""
    return {"function": view_of(request.unit, await function_of(request), await suffix_of(request.unit))}


async def _ask_about_change(request: Request[UpdateFunction]) -> Question | None:
    function, sent = await function_of(request), request.body.sent()
    require_fit(function.resource_type, sent.get("display_name"), sent.get("code"), sent.get("settings"))
    return ask_to_parse(sent["code"]) if "code" in sent else None


@operation(
    "updateFunction",
    "PATCH",
    ONE_PATH,
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(UpdateFunction, seed=UpdateFunctionSeed),
    answer=_ONE,
    audit=audit_types("Modified"),
    asks=_ask_about_change,
)
async def update_function(request: Request[UpdateFunction]) -> dict[str, Any]:
    """Change what is sent. Other code or settings make a new version, which runs when it is deployed."""
    unit, sent = request.unit, request.body.sent()
    if request.reply is not None:
        require_script(request.reply)
    suffix = await suffix_of(unit)
    before = await function_of(request)
    named = {name: sent[name] for name in ("display_name", "description", "logo_url") if name in sent}
    if "display_name" in named:
        # A client that sends back what it has read must not lengthen the name.
        named["display_name"] = named["display_name"].removesuffix(suffix) or named["display_name"]
    function = msgspec.structs.replace(before, **named)
    code = sent.get("code", before.code)
    settings = stored_settings(sent["settings"]) if "settings" in sent else before.settings
    if (code, settings) != (before.code, before.settings):
        function, _ = await add_version(unit, function, code, settings)
    function = await touch(unit, function)
    await audit(unit, function, "Modified")
    return {"function": view_of(unit, function, suffix)}


@operation(
    "deleteFunction",
    "DELETE",
    ONE_PATH,
    permission=Permission.FUNCTION_ADMIN,
    answer=schemas(Deleted),
    audit=audit_types("Deleted"),
)
async def delete_function(request: Request[Nothing]) -> dict[str, Any]:
    """Delete a function with its versions. One that has instances is kept: they are deleted first."""
    unit, function = request.unit, await function_of(request)
    made = await select_destinations_with(unit.connection, unit.workspace_id, function.catalog_id)
    if made or await has_instances(unit.connection, function):
        raise InputInvalid(f"function {function.id} has instances")
    await delete_row(unit.connection, function)
    unit.bury(SnapshotKind.FUNCTION, function.id, function.version + 1)
    await audit(unit, function, "Deleted")
    return DELETED.model_dump()
