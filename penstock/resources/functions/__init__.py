"""Functions: the workspace's own JavaScript, as a source, as a destination, or inserted between the two."""

from penstock.resources.functions.instances import (
    create_insert_function_instance,
    delete_insert_function_instance,
    get_insert_function_instance,
    is_function_within,
    is_instance_within,
    is_integration_within,
    list_insert_function_instances,
    update_insert_function_instance,
)
from penstock.resources.functions.laps import add_instance_of, remove_instance_of, select_laps, select_source_function
from penstock.resources.functions.logs import list_function_logs
from penstock.resources.functions.operations import (
    create_function,
    delete_function,
    get_function,
    list_functions,
    update_function,
)
from penstock.resources.functions.preview import preview_function, preview_function_webhook
from penstock.resources.functions.snapshot import (
    select_all_entries,
    select_all_insertions,
    select_entry,
    select_insertion,
    select_snapshots,
)
from penstock.resources.functions.versions import (
    create_function_deployment,
    get_function_version,
    list_function_versions,
    restore_function_version,
)

USES = ("catalog", "destinations", "sources", "workspaces")
OPERATIONS = (
    list_functions,
    create_function,
    get_function,
    update_function,
    delete_function,
    create_function_deployment,
    list_function_versions,
    restore_function_version,
    get_function_version,
    list_insert_function_instances,
    create_insert_function_instance,
    get_insert_function_instance,
    update_insert_function_instance,
    delete_insert_function_instance,
    preview_function,
    preview_function_webhook,
    list_function_logs,
)
REACTIONS = {
    "destination_deleted": remove_instance_of,
    "source_deleted": remove_instance_of,
    "source_of_function_created": add_instance_of,
}
CONTRIBUTIONS = {
    "destination_entry": select_entry,
    "destination_insertion": select_insertion,
    "source_function": select_source_function,
}
SCOPES = {
    "function": is_function_within,
    "instance": is_instance_within,
    "integration": is_integration_within,
}
__all__ = [
    "CONTRIBUTIONS",
    "OPERATIONS",
    "REACTIONS",
    "SCOPES",
    "USES",
    "select_all_entries",
    "select_all_insertions",
    "select_laps",
    "select_snapshots",
]
