"""Sources: the configured origins of events, and their write keys."""

from penstock.resources.sources.intake import get_intake, update_intake
from penstock.resources.sources.labels import add_labels_to_source, refuse_where_attached, replace_labels_in_source
from penstock.resources.sources.listing import sources_page
from penstock.resources.sources.operations import (
    create_source,
    delete_source,
    get_source,
    list_sources,
    update_source,
)
from penstock.resources.sources.repository import (
    Source,
    first_write_key,
    require_source,
    select_ids_of_workspace,
    select_source_ids,
)
from penstock.resources.sources.repository import get_source as find_source
from penstock.resources.sources.schema_filters import (
    UpdateSchemaFilters,
    filters_with,
    get_schema_filters,
    update_schema_filters,
)
from penstock.resources.sources.schema_settings import (
    UpdateSchemaSettings,
    controls_with,
    list_schema_settings_in_source,
    update_schema_settings_in_source,
)
from penstock.resources.sources.schemas import SourcesAnswer
from penstock.resources.sources.scope import is_source_within
from penstock.resources.sources.scope import within as within_sources
from penstock.resources.sources.service import add_source, touch
from penstock.resources.sources.service import current_snapshot as source_snapshot
from penstock.resources.sources.snapshot import select_snapshots
from penstock.resources.sources.write_keys import create_write_key_for_source, remove_write_key_from_source

USES = ("catalog", "labels")
OPERATIONS = (
    create_source,
    get_source,
    list_sources,
    update_source,
    delete_source,
    add_labels_to_source,
    replace_labels_in_source,
    list_schema_settings_in_source,
    update_schema_settings_in_source,
    create_write_key_for_source,
    remove_write_key_from_source,
    get_intake,
    update_intake,
    get_schema_filters,
    update_schema_filters,
)
REACTIONS = {"label_deleted": refuse_where_attached}
SCOPES = {"source": is_source_within}
__all__ = [
    "OPERATIONS",
    "REACTIONS",
    "SCOPES",
    "USES",
    "Source",
    "SourcesAnswer",
    "UpdateSchemaFilters",
    "UpdateSchemaSettings",
    "add_source",
    "controls_with",
    "filters_with",
    "find_source",
    "first_write_key",
    "is_source_within",
    "require_source",
    "select_ids_of_workspace",
    "select_snapshots",
    "select_source_ids",
    "source_snapshot",
    "sources_page",
    "touch",
    "within_sources",
]
