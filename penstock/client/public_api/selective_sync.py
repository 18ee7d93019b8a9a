"""Selective Sync: What a warehouse does not load of its sources, and at which hours it loads.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Pagination


class SelectiveSync(TypedDict):
    sourceId: str
    collection: str
    warehouseId: str
    enabled: bool
    properties: dict[str, bool]


class SelectiveSyncsAnswer(TypedDict):
    items: list[SelectiveSync]
    pagination: Pagination


class Override(TypedDict):
    sourceId: str
    collection: NotRequired[str]
    property: NotRequired[str]
    enabled: bool


class UpdateSelectiveSync(TypedDict):
    syncOverrides: list[Override]


class UpdateSelectiveSyncAnswer(TypedDict):
    """`UPDATED` or `UNCHANGED`."""

    status: str
    warnings: list[str]


class TimeView(TypedDict):
    hourOfDay: int
    enabled: bool


class ScheduleView(TypedDict):
    times: list[TimeView]
    timezone: str


class ScheduleAnswer(TypedDict):
    enabled: bool
    schedule: NotRequired[ScheduleView | None]


class Time(TypedDict):
    hourOfDay: Any
    enabled: bool


class SelectiveSyncSchedule(TypedDict):
    times: list[Time]
    timezone: str


class ReplaceSchedule(TypedDict):
    enabled: bool
    schedule: NotRequired[SelectiveSyncSchedule | None]


class SelectiveSyncApi:
    """What a warehouse does not load of its sources, and at which hours it loads."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_selective_syncs_from_warehouse_and_source(
        self, warehouse_id: str, source_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SelectiveSyncsAnswer:
        """The collections that rows have come to, and those that are off, by name; of their properties, those that
        are off.

        A collection of which nothing is listed is loaded.
        """
        answer: SelectiveSyncsAnswer = self._ask(
            "GET",
            f"/warehouses/{quoted(warehouse_id)}/connected-sources/{quoted(source_id)}/selective-syncs",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def update_selective_sync_for_warehouse(
        self, warehouse_id: str, body: UpdateSelectiveSync
    ) -> UpdateSelectiveSyncAnswer:
        """Turn sources, collections (tables) and properties (columns) on and off, by their names in the warehouse.

        What is turned off is loaded no more from then on; nothing is deleted. A source that is turned on again
        gets what it missed, as far as it is kept; a collection or property goes on from then.
        """
        answer: UpdateSelectiveSyncAnswer = self._ask(
            "PATCH", f"/warehouses/{quoted(warehouse_id)}/selective-sync", body=body
        )
        return answer

    def get_advanced_sync_schedule_from_warehouse(self, warehouse_id: str) -> ScheduleAnswer:
        """The hours at which the warehouse is loaded. Where `enabled` is false, it is loaded at the interval."""
        answer: ScheduleAnswer = self._ask("GET", f"/warehouses/{quoted(warehouse_id)}/advanced-sync-schedule")
        return answer

    def replace_advanced_sync_schedule_for_warehouse(self, warehouse_id: str, body: ReplaceSchedule) -> ScheduleAnswer:
        """Load at these hours of the day in this time zone. `enabled: false` goes back to the interval.

        A schedule that is enabled needs its hours; one that is disabled without hours keeps those that it had.
        """
        answer: ScheduleAnswer = self._ask(
            "PUT", f"/warehouses/{quoted(warehouse_id)}/advanced-sync-schedule", body=body
        )
        return answer
