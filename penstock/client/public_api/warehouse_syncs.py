"""Warehouse Syncs: Past syncs of warehouses, as the warehousing role reports them.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Pagination


class Notice(TypedDict):
    level: str
    message: str
    createdAt: str


class Sync(TypedDict):
    sourceId: str
    start: str
    end: str | None
    status: str
    duration: float
    humanDuration: str
    count: int
    notices: list[Notice]


class SyncsAnswer(TypedDict):
    reports: list[Sync]
    pagination: Pagination


class WarehouseSyncsApi:
    """Past syncs of warehouses, as the warehousing role reports them."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_syncs_from_warehouse(
        self, warehouse_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SyncsAnswer:
        """The syncs of the last 30 days that had rows or went wrong, the newest first: one report for each source.

        `sourceId` is empty where a sync failed before it came to any source.
        """
        answer: SyncsAnswer = self._ask(
            "GET",
            f"/warehouses/{quoted(warehouse_id)}/syncs",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def list_syncs_from_warehouse_and_source(
        self, warehouse_id: str, source_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SyncsAnswer:
        """Those of one source. A source that was deleted keeps its reports."""
        answer: SyncsAnswer = self._ask(
            "GET",
            f"/warehouses/{quoted(warehouse_id)}/connected-sources/{quoted(source_id)}/syncs",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer
