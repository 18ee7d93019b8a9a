"""Whether a destination may be stored as it is asked for: not too many alike, not two of one name, nothing missing."""

from penstock.api.connection_settings import StoredSettings, require_complete
from penstock.api.errors import BadRequest
from penstock.api.unit import Unit
from penstock.resources.catalog import DestinationEntry
from penstock.resources.destinations.repository import Destination, select_destinations_of

INSTANCE_LIMIT = 25
"""Instances of one catalog entry per source."""


async def require_room(unit: Unit, destination: Destination) -> None:
    """Raises BadRequest where the source has as many of this kind as it may have."""
    present = await select_destinations_of(unit.connection, unit.workspace_id, destination.source_id)
    alike = [each for each in present if each.metadata_id == destination.metadata_id and each.id != destination.id]
    if len(alike) >= INSTANCE_LIMIT:
        message = f"a source has at most {INSTANCE_LIMIT} instances of one destination"
        raise BadRequest(message, field="metadataId")


async def require_free_name(unit: Unit, destination: Destination) -> None:
    """Raises BadRequest where the source has another destination of this name; unnamed ones may be many."""
    if not destination.name:
        return
    present = await select_destinations_of(unit.connection, unit.workspace_id, destination.source_id)
    if any(each.name == destination.name and each.id != destination.id for each in present):
        raise BadRequest(f"the source has a destination named {destination.name} already", field="name")


def require_settings(unit: Unit, destination: Destination, entry: DestinationEntry) -> None:
    """Raises BadRequest where an enabled destination lacks a setting; a disabled one may be set up step by step."""
    if destination.enabled:
        stored = StoredSettings(destination.settings, destination.sealed_secrets)
        require_complete(stored, entry.options, unit.sealer)
