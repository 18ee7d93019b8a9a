"""What the data plane is told of a source."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.catalog.sources import load_source_catalog
from penstock.resources.sources.repository import Source, select_all_sources
from penstock.spec.snapshot import Snapshot, SnapshotKind, SourceSnapshot


def snapshot_of(source: Source) -> SourceSnapshot:
    entry = load_source_catalog().get(source.metadata_id)
    return SourceSnapshot(
        id=source.id,
        workspace_id=source.workspace_id,
        version=source.version,
        slug=source.slug,
        name=source.name or source.slug,
        enabled=source.enabled,
        write_keys=list(source.write_keys),
        created_at=source.created_at,
        schema_name=source.schema_name,
        platform=entry.platform if entry else "",
    )


async def select_snapshots(connection: AsyncConnection) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    return [(SnapshotKind.SOURCE, snapshot_of(source)) for source in await select_all_sources(connection)]
