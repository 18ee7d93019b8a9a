"""Operations of the tag Functions, third part: insert functions attached to a destination or a source."""

import secrets
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.connection_settings import Options, StoredSettings, merge, require_complete
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.reach import Reach
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.unit import Unit
from penstock.api.versions import Contract
from penstock.kit.time import format_iso
from penstock.resources.destinations import find_destination, is_destination_within, touch
from penstock.resources.functions import schemas as wire
from penstock.resources.functions.instance_rows import (
    Instance,
    delete_instance,
    get_instance,
    get_instance_of,
    insert_instance,
    require_instance,
    select_instances,
    update_instance,
)
from penstock.resources.functions.laps import begun, lap_of, next_version, publish_lap
from penstock.resources.functions.repository import Function, find_function, require_function, running_settings
from penstock.resources.functions.schemas import (
    CreateInstance,
    InstanceAnswer,
    InstancesAnswer,
    ListInstances,
    UpdateInstance,
)
from penstock.resources.functions.service import PREFIXES, RESOURCE
from penstock.resources.functions.settings import declared_in, options_of, shown
from penstock.resources.functions.warnings import INSERTED
from penstock.resources.sources import find_source, is_source_within

_PATH = "/insert-function-instances"
_ONE_PATH = _PATH + "/{instanceId}"
_ALPHA = (Contract.ALPHA,)


def _identifiers(named: str) -> list[str]:
    """Clients leave the prefix out."""
    return [named, *(PREFIXES[kind] + named for kind in sorted(INSERTED))]


async def is_function_within(connection: AsyncConnection, workspace_id: str, named: str, reach: Reach) -> bool:
    found = await find_function(connection, workspace_id, _identifiers(named))
    return found is not None and reach.covers(found.id)


async def is_instance_within(connection: AsyncConnection, workspace_id: str, instance_id: str, reach: Reach) -> bool:
    """Whether its function is."""
    found = await get_instance(connection, workspace_id, instance_id)
    return found is not None and reach.covers(found.function_id)


async def is_integration_within(
    connection: AsyncConnection, workspace_id: str, integration_id: str, reach: Reach
) -> bool:
    """Whether the source is, or the destination's source."""
    asked = (connection, workspace_id, integration_id, reach)
    return await is_source_within(*asked) or await is_destination_within(*asked)


def _audit_type(verb: str) -> str:
    return f"Insert Function Instance {verb}"


async def _instance(request: Request[Any]) -> Instance:
    unit = request.unit
    return await require_instance(unit.connection, unit.workspace_id, request.path["instanceId"])


@operation(
    "listInsertFunctionInstances",
    "GET",
    _PATH,
    permission=Permission.FUNCTION_READ,
    body=schemas(ListInstances),
    answer=schemas(InstancesAnswer),
    offered=_ALPHA,
    is_paged=True,
)
async def list_insert_function_instances(request: Request[ListInstances]) -> dict[str, Any]:
    """Where a function is inserted, the oldest first."""
    unit, named = request.unit, _identifiers(request.body.function_id)
    found, total = await select_instances(unit.connection, unit.workspace_id, named, request.page)
    shown_, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"instances": [_view(each) for each in shown_], "pagination": Pagination.of(page)}


@operation(
    "createInsertFunctionInstance",
    "POST",
    _PATH,
    permission=Permission.FUNCTION_ADMIN,
    also=(Permission.DESTINATION_ADMIN,),
    body=schemas(CreateInstance),
    answer=schemas(InstanceAnswer),
    offered=_ALPHA,
    audit=(_audit_type("Created"),),
)
async def create_insert_function_instance(request: Request[CreateInstance]) -> dict[str, Any]:
    """Insert a function before a destination, or after a source. It is disabled unless `enabled` is true.

    A destination or source has at most one. Settings are of the types that the version declares that runs.
    """
    body, unit = request.body, request.unit
    function = await find_function(unit.connection, unit.workspace_id, _identifiers(body.function_id))
    if function is None or function.resource_type not in INSERTED:
        raise InputInvalid(f'"functionId" {body.function_id} is no insert function', field="functionId")
    await _require_free(unit, function, body.integration_id)
    options = await _options(unit, function)
    stored = merge(StoredSettings(), body.settings, options, unit.sealer)
    added = Instance(
        id=secrets.token_hex(12),
        workspace_id=unit.workspace_id,
        function_id=function.id,
        integration_id=body.integration_id,
        name=body.name,
        enabled=body.enabled,
        settings=stored.settings,
        sealed_secrets=stored.sealed_secrets,
        created_at=unit.now,
        updated_at=unit.now,
    )
    _require_ready(unit, added, options)
    await insert_instance(unit.connection, added)
    await _tell(unit, added)
    await unit.audit(_audit_type("Created"), RESOURCE, added.id, added.name)
    return {"insert_function_instance": _view(added)}


async def _require_free(unit: Unit, function: Function, integration_id: str) -> None:
    """Raises InputInvalid for one that is not there, BadRequest for one that has a function already."""
    find = find_destination if function.resource_type == "INSERT_DESTINATION" else find_source
    if await find(unit.connection, unit.workspace_id, integration_id) is None:
        raise InputInvalid(f'"integrationId" {integration_id} does not exist', field="integrationId")
    if (present := await get_instance_of(unit.connection, unit.workspace_id, integration_id)) is not None:
        message = f"{integration_id} has the insert function instance {present.id} already"
        raise BadRequest(message, field="integrationId")


async def _options(unit: Unit, function: Function) -> Options:
    return options_of(declared_in(await running_settings(unit.connection, function)))


async def _tell(unit: Unit, instance: Instance) -> None:
    """What is inserted before a destination stands in the destination's snapshot; what a source has, by itself."""
    if lap_of(instance):
        publish_lap(unit, instance)
        return
    destination = await find_destination(unit.connection, unit.workspace_id, instance.integration_id)
    if destination is not None:
        await touch(unit, destination)


def _require_ready(unit: Unit, instance: Instance, options: Options) -> None:
    """Raises BadRequest where an enabled one lacks a setting."""
    if instance.enabled:
        stored = StoredSettings(instance.settings, instance.sealed_secrets)
        require_complete(stored, options, unit.sealer)


@operation(
    "getInsertFunctionInstance",
    "GET",
    _ONE_PATH,
    permission=Permission.FUNCTION_READ,
    answer=schemas(InstanceAnswer),
    offered=_ALPHA,
)
async def get_insert_function_instance(request: Request[Nothing]) -> dict[str, Any]:
    """One instance. Sensitive settings are masked."""
    return {"insert_function_instance": _view(await _instance(request))}


@operation(
    "updateInsertFunctionInstance",
    "PATCH",
    _ONE_PATH,
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(UpdateInstance),
    answer=schemas(InstanceAnswer),
    offered=_ALPHA,
    audit=(_audit_type("Modified"),),
)
async def update_insert_function_instance(request: Request[UpdateInstance]) -> dict[str, Any]:
    """Change what is sent. Settings are merged by key: null removes one, the mask leaves a sensitive one as it is."""
    unit, sent = request.unit, request.body.sent()
    before = await _instance(request)
    function = await require_function(unit.connection, unit.workspace_id, before.function_id)
    options = await _options(unit, function)
    stored = StoredSettings(before.settings, before.sealed_secrets)
    stored = merge(stored, sent.pop("settings"), options, unit.sealer)
    secrets_and_settings = msgspec.structs.asdict(stored)
    changed = msgspec.structs.replace(before, **sent, **secrets_and_settings, updated_at=next_version(unit, before))
    changed = begun(before, changed, unit.now)
    _require_ready(unit, changed, options)
    await update_instance(unit.connection, changed)
    await _tell(unit, changed)
    await unit.audit(_audit_type("Modified"), RESOURCE, changed.id, changed.name)
    return {"insert_function_instance": _view(changed)}


@operation(
    "deleteInsertFunctionInstance",
    "DELETE",
    _ONE_PATH,
    permission=Permission.FUNCTION_ADMIN,
    answer=schemas(Deleted),
    offered=_ALPHA,
    audit=(_audit_type("Deleted"),),
)
async def delete_insert_function_instance(request: Request[Nothing]) -> dict[str, Any]:
    """Take a function out again."""
    unit, found = request.unit, await _instance(request)
    await delete_instance(unit.connection, unit.workspace_id, found.id)
    await _tell(unit, msgspec.structs.replace(found, enabled=False))
    await unit.audit(_audit_type("Deleted"), RESOURCE, found.id, found.name)
    return DELETED.model_dump()


def _view(instance: Instance) -> wire.Instance:
    settings, sensitive = shown(StoredSettings(instance.settings, instance.sealed_secrets))
    return wire.Instance(
        id=instance.id,
        name=instance.name,
        integration_id=instance.integration_id,
        class_id=instance.function_id.partition("_")[2],
        enabled=instance.enabled,
        created_at=format_iso(instance.created_at),
        updated_at=format_iso(instance.updated_at),
        settings=settings,
        encrypted_settings=sensitive,
    )
