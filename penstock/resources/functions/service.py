"""What the operations on functions share."""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.operation import Request
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.kit.time import format_iso
from penstock.resources.functions import schemas
from penstock.resources.functions.repository import (
    Function,
    Version,
    insert_version,
    last_number,
    require_function,
    update_function,
)
from penstock.resources.functions.snapshot import publish
from penstock.resources.workspaces import workspace_name

RESOURCE = "FUNCTION"
PREVIEW_WEBHOOK = "/penstock/functions/{functionId}/webhook"
PREFIXES = {
    "SOURCE": "sfnc_",
    "DESTINATION": "dfn_",
    "INSERT_DESTINATION": "ifnd_",
    "INSERT_SOURCE": "ifns_",
    "INSERT_TRANSFORMATION": "ifnt_",
}
_TITLES = {"SOURCE": "Source Function", "DESTINATION": "Destination Function"}
_INSERT_TITLE = "Insert Function"
_WITH_WORKSPACE = frozenset({"DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE"})


def audit_types(verb: str) -> tuple[str, ...]:
    """All that an operation may leave."""
    return tuple(f"{title} {verb}" for title in (*_TITLES.values(), _INSERT_TITLE))


async def audit(unit: Unit, function: Function, verb: str) -> None:
    title = _TITLES.get(function.resource_type, _INSERT_TITLE)
    await unit.audit(f"{title} {verb}", RESOURCE, function.id, function.title)


async def function_of(request: Request[Any]) -> Function:
    """Raises NotFound."""
    unit = request.unit
    return await require_function(unit.connection, unit.workspace_id, request.path["functionId"])


def first_version(unit: Unit, function_id: str, code: str, settings: str) -> Version:
    return _version(unit, function_id, 1, code, settings)


async def touch(unit: Unit, function: Function) -> Function:
    """Write the function with its next version, and tell the data plane."""
    changed = msgspec.structs.replace(function, version=function.version + 1)
    await update_function(unit.connection, changed)
    await publish(unit, changed)
    return changed


async def add_version(unit: Unit, function: Function, code: str, settings: str) -> tuple[Function, Version]:
    """Make it the newest. Whoever asks for it writes the function."""
    number = await last_number(unit.connection, function) + 1
    version = _version(unit, function.id, number, code, settings)
    await insert_version(unit.connection, version)
    return msgspec.structs.replace(function, latest_id=version.id, code=code, settings=settings), version


def _version(unit: Unit, function_id: str, number: int, code: str, settings: str) -> Version:
    return Version(
        id=resource_id(),
        workspace_id=unit.workspace_id,
        function_id=function_id,
        number=number,
        code=code,
        settings=settings,
        author=unit.principal.token_id,
        created_at=unit.now,
        updated_at=unit.now,
        deployed_at=None,
    )


def stored_settings(settings: Sequence[schemas.SettingInput]) -> str:
    """As they stand in a row: every part is there, also one that the seed's client left out."""
    return msgspec.json.encode([each.model_dump(by_alias=True) for each in settings]).decode()


async def suffix_of(unit: Unit) -> str:
    """What the names of functions end with where they appear among other workspaces'."""
    name = await workspace_name(unit.connection, unit.workspace_id)
    return f" ({name})" if name else ""


def view_of(unit: Unit, function: Function, suffix: str) -> schemas.FunctionView:
    optional = {"description": function.description, "logo_url": function.logo_url}
    values: dict[str, Any] = {name: value for name, value in optional.items() if value is not None}
    if function.display_name:
        values["display_name"] = function.display_name
        is_suffixed = function.resource_type in _WITH_WORKSPACE
        values["shown_name"] = function.display_name + suffix if is_suffixed else function.display_name
    if function.resource_type == "SOURCE":
        values["preview_webhook_url"] = unit.public_url + PREVIEW_WEBHOOK.replace("{functionId}", function.id)
    return schemas.FunctionView(
        **values,
        id=function.id,
        resource_type=function.resource_type,
        created_at=format_iso(function.created_at),
        created_by=function.created_by,
        code=function.code,
        settings=[schemas.Setting.model_validate(each) for each in msgspec.json.decode(function.settings)],
        catalog_id=function.catalog_id,
        deployed_at=None if function.deployed_at is None else format_iso(function.deployed_at),
        batch_max_count=unit.function_batch_events if function.resource_type == "DESTINATION" else 0,
        is_latest_version=function.deployed_id == function.latest_id,
    )


def version_view(version: Version, function: Function) -> schemas.Version:
    deployed = {} if version.deployed_at is None else {"deployed_at": format_iso(version.deployed_at)}
    return schemas.Version(
        **deployed,
        id=version.id,
        author=version.author,
        code=version.code,
        is_deployed=version.id == function.deployed_id,
        created_at=format_iso(version.created_at),
        updated_at=format_iso(version.updated_at),
    )
