"""What the operations on transformations share."""

from typing import Any

import msgspec

from penstock.api.connection_settings import MASK
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.unit import Unit
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import destination_entry
from penstock.resources.sources import find_source
from penstock.resources.transformations.admission import kinds_of
from penstock.resources.transformations.repository import Transformation, select_transformations_of
from penstock.resources.transformations.schemas import Operations
from penstock.spec.fql import parse_condition, show

SOURCE_LIMIT = 200
"""Transformations of one source."""
_HASH = "hashPropertiesConfiguration"


async def require_scope(unit: Unit, source_id: str, metadata_id: str | None) -> None:
    """Raises InputInvalid for a source or a destination type that is not there."""
    if await find_source(unit.connection, unit.workspace_id, source_id) is None:
        raise InputInvalid(f'"sourceId" {source_id} does not exist', field="sourceId")
    if metadata_id and destination_entry(metadata_id) is None:
        message = f'"destinationMetadataId" {metadata_id} is not in the catalog of destinations'
        raise InputInvalid(message, field="destinationMetadataId")


async def require_alone(unit: Unit, wanted: Transformation, operations: Operations) -> None:
    """One transformation of a kind for a condition and a scope, so that none undoes another. Raises BadRequest."""
    kinds, condition = set(kinds_of(operations)), _spelled(wanted.condition)
    others = await select_transformations_of(unit.connection, unit.workspace_id, wanted.source_id)
    if len(others) >= SOURCE_LIMIT and wanted.id not in {each.id for each in others}:
        raise BadRequest(f"a source has at most {SOURCE_LIMIT} transformations")
    for other in others:
        if other.id == wanted.id or other.destination_metadata_id != wanted.destination_metadata_id:
            continue
        if _spelled(other.condition) != condition:
            continue
        if common := kinds & set(kinds_of(operations_of(other, unit.sealer))):
            found = ", ".join(sorted(common))
            raise BadRequest(
                f"there is at most one transformation with this condition and {found}: {other.id} is there already"
            )


def _spelled(condition: str) -> str:
    """In the one way in which the printer spells it, whatever blanks and quotes it came with."""
    return show(parse_condition(condition))


def operations_of(row: Transformation, sealer: Sealer) -> Operations:
    """With the key of the hash."""
    stored = msgspec.json.decode(row.operations)
    if row.sealed_hash_key:
        stored[_HASH]["key"] = sealer.open(row.sealed_hash_key).decode()
    return Operations.model_validate(stored)


def merged(before: Operations, sent: Operations) -> Operations:
    """Each operation that was sent takes the place of the one before. A key that is the mask is the one before."""
    changes = {name: getattr(sent, name) for name in sent.model_fields_set & Operations.model_fields.keys()}
    wanted, known = changes.get("hash_properties_configuration"), before.hash_properties_configuration
    if wanted is not None and wanted.key == MASK:
        changes["hash_properties_configuration"] = wanted.model_copy(update={"key": known.key if known else ""})
    return before.model_copy(update=changes)


def stored(operations: Operations, sealer: Sealer) -> dict[str, Any]:
    """The columns that hold them."""
    values = operations.model_dump(by_alias=True, exclude_unset=True, include=set(Operations.model_fields))
    found = values.pop(_HASH, None) or {}
    key = found.get("key", "")
    if found:
        values[_HASH] = {**found, **({"key": MASK} if key else {})}
    return {
        "operations": msgspec.json.encode(values).decode(),
        "sealed_hash_key": sealer.seal(key.encode()) if key else b"",
    }


def view_of(row: Transformation) -> dict[str, Any]:
    """By wire names, as the operations are kept."""
    scope = {} if row.destination_metadata_id is None else {"destinationMetadataId": row.destination_metadata_id}
    return {
        "id": row.id,
        "name": row.name,
        "sourceId": row.source_id,
        "enabled": row.enabled,
        "if": row.condition,
        **scope,
        **msgspec.json.decode(row.operations),
    }
