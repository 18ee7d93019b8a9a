"""Sources: the configured origins of events, and their write keys."""

from penstock.resources.sources.operations import (
    create_source,
    delete_source,
    get_source,
    list_sources,
    update_source,
)
from penstock.resources.sources.repository import first_write_key
from penstock.resources.sources.repository import get_source as find_source
from penstock.resources.sources.service import add_source
from penstock.resources.sources.snapshot import select_snapshots

USES = ("catalog",)
OPERATIONS = (create_source, get_source, list_sources, update_source, delete_source)
__all__ = ["OPERATIONS", "USES", "add_source", "find_source", "first_write_key", "select_snapshots"]
