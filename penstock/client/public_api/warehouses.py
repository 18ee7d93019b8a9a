"""Warehouses: The configured analytical databases, and which sources they load.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted, Pagination, SourcesAnswer, WarehouseMetadata


class CreateWarehouseSeed(TypedDict):
    metadataId: str
    name: NotRequired[str]
    enabled: NotRequired[bool]
    settings: NotRequired[dict[str, Any]]
    disconnectAllSources: NotRequired[bool]


class Warehouse(TypedDict):
    id: str
    metadata: WarehouseMetadata
    workspaceId: str
    enabled: bool
    settings: dict[str, Any]


class WarehouseAnswer(TypedDict):
    warehouse: Warehouse


class WarehousesAnswer(TypedDict):
    warehouses: list[Warehouse]
    pagination: Pagination


class ValidateWarehouse(TypedDict):
    metadataId: str
    settings: dict[str, Any]


class ValidationAnswer(TypedDict):
    """`CONNECTED` or `FAILED`."""

    status: str


class UpdateWarehouseSeed(TypedDict):
    name: NotRequired[str | None]
    enabled: NotRequired[bool]
    settings: NotRequired[dict[str, Any]]


class ConnectionStateAnswer(TypedDict):
    """`CONNECTED` or `FAILED`."""

    connectionState: str


class ConnectionAnswer(TypedDict):
    """`CONNECTED` or `NOT_CONNECTED`."""

    status: str


class WarehousesApi:
    """The configured analytical databases, and which sources they load."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def create_warehouse(self, body: CreateWarehouseSeed) -> WarehouseAnswer:
        """Make a warehouse. Every source is connected to it, unless `disconnectAllSources` is true.

        Secret settings are read back masked. A DuckDB warehouse needs a file of its own (`settings.file`), and
        one that a deleted warehouse has left is not its own. One that this release cannot load is kept; its
        connection state says that it fails.
        """
        answer: WarehouseAnswer = self._ask("POST", "/warehouses", body=body)
        return answer

    def list_warehouses(self, *, count: int | None = None, cursor: str | None = None) -> WarehousesAnswer:
        """The warehouses of the workspace that the token may read, the oldest first."""
        answer: WarehousesAnswer = self._ask(
            "GET", "/warehouses", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_validation_in_warehouse(self, body: ValidateWarehouse) -> ValidationAnswer:
        """Connect with these settings, which are not stored. Where it fails, the role's log says at which step."""
        answer: ValidationAnswer = self._ask("POST", "/warehouses/validation", body=body)
        return answer

    def get_warehouse(self, warehouse_id: str) -> WarehouseAnswer:
        """One warehouse."""
        answer: WarehouseAnswer = self._ask("GET", f"/warehouses/{quoted(warehouse_id)}")
        return answer

    def update_warehouse(self, warehouse_id: str, body: UpdateWarehouseSeed | None = None) -> WarehouseAnswer:
        """Change what is sent. Settings are merged by key: null removes one, the mask leaves a secret as it is.

        The name stands in the settings on read; `name` beside the settings wins over the one in them.
        """
        answer: WarehouseAnswer = self._ask("PATCH", f"/warehouses/{quoted(warehouse_id)}", body=body)
        return answer

    def delete_warehouse(self, warehouse_id: str) -> Deleted:
        """Delete a warehouse. The data in it stays; the file of a DuckDB warehouse can be moved away or removed by
        hand.

        People who are deleted later are deleted from that file too, for as long as it stands in the folder.
        """
        answer: Deleted = self._ask("DELETE", f"/warehouses/{quoted(warehouse_id)}")
        return answer

    def get_connection_state_from_warehouse(self, warehouse_id: str) -> ConnectionStateAnswer:
        """Connect to the warehouse as it is configured now. Where it fails, the role's log says at which step."""
        answer: ConnectionStateAnswer = self._ask("GET", f"/warehouses/{quoted(warehouse_id)}/connection-state")
        return answer

    def list_connected_sources_from_warehouse(
        self, warehouse_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SourcesAnswer:
        """The sources that the warehouse loads and the token may read, the oldest first."""
        answer: SourcesAnswer = self._ask(
            "GET",
            f"/warehouses/{quoted(warehouse_id)}/connected-sources",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def add_connection_from_source_to_warehouse(self, warehouse_id: str, source_id: str) -> ConnectionAnswer:
        """Connect a source. What the warehouse has not got of it while it was not connected follows, as far as it is
        kept.

        A source that is connected already stays so.
        """
        answer: ConnectionAnswer = self._ask(
            "POST", f"/warehouses/{quoted(warehouse_id)}/connected-sources/{quoted(source_id)}"
        )
        return answer

    def remove_source_connection_from_warehouse(self, warehouse_id: str, source_id: str) -> Deleted:
        """Disconnect a source. What the warehouse holds of it stays."""
        answer: Deleted = self._ask(
            "DELETE", f"/warehouses/{quoted(warehouse_id)}/connected-sources/{quoted(source_id)}"
        )
        return answer

    def list_connected_warehouses_from_source(
        self, source_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> WarehousesAnswer:
        """The warehouses that load the source and that the token may read, the oldest first."""
        answer: WarehousesAnswer = self._ask(
            "GET",
            f"/sources/{quoted(source_id)}/connected-warehouses",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer
