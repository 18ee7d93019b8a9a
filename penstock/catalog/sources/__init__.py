"""The sources that can be made. Ids, names, categories and logos are facts of Segment's public catalog (CC BY 4.0)."""

from functools import cache
from importlib.resources import files

import msgspec


class SourceEntry(msgspec.Struct, frozen=True):
    """One catalog entry. `platform` is `website`, `mobile`, `server`, or empty for cloud apps."""

    id: str
    name: str
    slug: str
    categories: list[str]
    is_cloud_event_source: bool
    status: str
    partner_owned: bool
    platform: str
    logo: str

    @property
    def description(self) -> str:
        return f"Collects events from {self.name}."


@cache
def load_source_catalog() -> dict[str, SourceEntry]:
    """All entries by id, in the order of their names."""
    entries = msgspec.json.decode((files(__package__) / "sources.json").read_bytes(), type=list[SourceEntry])
    return {entry.id: entry for entry in entries}
