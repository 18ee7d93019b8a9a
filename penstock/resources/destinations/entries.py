"""What destinations are made of: entries of the catalog, or functions of the workspace, which their slice adds."""

from collections.abc import Iterable, Mapping

from penstock.api.errors import InputInvalid, NotFound
from penstock.api.unit import Unit
from penstock.resources.catalog import DestinationEntry, destination_entry
from penstock.resources.destinations.repository import Destination

Entries = Mapping[str, DestinationEntry]
"""By metadata id."""


async def find_entry(unit: Unit, metadata_id: str) -> DestinationEntry | None:
    if (known := destination_entry(metadata_id)) is not None:
        return known
    return next(iter(await unit.contributed("destination_entry", metadata_id)), None)


async def require_entry(unit: Unit, metadata_id: str) -> DestinationEntry:
    """Raises InputInvalid naming the field."""
    if (entry := await find_entry(unit, metadata_id)) is None:
        raise InputInvalid(f'"metadataId" {metadata_id} is not in the catalog of destinations', field="metadataId")
    return entry


async def entry_of(unit: Unit, destination: Destination) -> DestinationEntry:
    """Raises NotFound, where the catalog has lost it."""
    if (entry := await find_entry(unit, destination.metadata_id)) is None:
        raise NotFound(f"destination metadata {destination.metadata_id} does not exist")
    return entry


async def entries_of(unit: Unit, destinations: Iterable[Destination]) -> Entries:
    """Each asked for once. Raises NotFound."""
    return {
        each.metadata_id: await entry_of(unit, each) for each in {one.metadata_id: one for one in destinations}.values()
    }
