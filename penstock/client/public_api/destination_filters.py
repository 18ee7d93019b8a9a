"""Destination Filters: What a destination must not get of its source's events.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import ActionInput, Deleted, Pagination, PreviewedFilter


class PreviewFilter(TypedDict):
    filter: PreviewedFilter
    payload: dict[str, Any]


class DestinationFiltersPreviewAnswer(TypedDict):
    inputPayload: dict[str, Any]
    result: dict[str, Any] | None


CreateFilter = TypedDict(
    "CreateFilter",
    {
        "sourceId": str,
        "if": str,
        "actions": list[ActionInput],
        "title": str,
        "description": NotRequired[str],
        "enabled": bool,
    },
)


DestinationFilter = TypedDict(
    "DestinationFilter",
    {
        "id": str,
        "sourceId": str,
        "destinationId": str,
        "if": str,
        "actions": list[dict[str, Any]],
        "title": str,
        "description": NotRequired[str],
        "enabled": bool,
        "createdAt": str,
        "updatedAt": str,
    },
)


class FilterAnswer(TypedDict):
    filter: DestinationFilter


class FiltersAnswer(TypedDict):
    filters: list[DestinationFilter]
    pagination: Pagination


UpdateFilter = TypedDict(
    "UpdateFilter",
    {
        "if": NotRequired[str],
        "actions": NotRequired[list[ActionInput]],
        "title": NotRequired[str],
        "description": NotRequired[str | None],
        "enabled": NotRequired[bool],
    },
)


class DestinationFiltersApi:
    """What a destination must not get of its source's events."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def preview_destination_filter(self, body: PreviewFilter) -> DestinationFiltersPreviewAnswer:
        """What a filter would leave of an event: `result` is null where it would be dropped. Nothing is stored.

        The event is judged by the code that judges real ones. Where a condition has no answer (`properties.total
        and true` with a number), the event is dropped, as it would be on its way.
        """
        answer: DestinationFiltersPreviewAnswer = self._ask("POST", "/destination/filters/preview", body=body)
        return answer

    def create_filter_for_destination(self, destination_id: str, body: CreateFilter) -> FilterAnswer:
        """Keep events, or parts of them, from a destination. `if` is FQL, or `all` for every event.

        Of all filters of a destination, all SAMPLE come first, then all DROP, DROP_PROPERTIES and
        ALLOW_PROPERTIES; an event must survive each. A destination has at most 10 filters.
        """
        answer: FilterAnswer = self._ask("POST", f"/destination/{quoted(destination_id)}/filters", body=body)
        return answer

    def list_filters_from_destination(
        self, destination_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> FiltersAnswer:
        """A destination's filters, the oldest first."""
        answer: FiltersAnswer = self._ask(
            "GET",
            f"/destination/{quoted(destination_id)}/filters",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def get_filter_in_destination(self, destination_id: str, filter_id: str) -> FilterAnswer:
        """One filter."""
        answer: FilterAnswer = self._ask("GET", f"/destination/{quoted(destination_id)}/filters/{quoted(filter_id)}")
        return answer

    def update_filter_for_destination(
        self, destination_id: str, filter_id: str, body: UpdateFilter | None = None
    ) -> FilterAnswer:
        """Change what is sent. `actions` replaces all of them; a null `description` removes it."""
        answer: FilterAnswer = self._ask(
            "PATCH", f"/destination/{quoted(destination_id)}/filters/{quoted(filter_id)}", body=body
        )
        return answer

    def remove_filter_from_destination(self, destination_id: str, filter_id: str) -> Deleted:
        """Remove a filter; events that are read from then on pass without it."""
        answer: Deleted = self._ask("DELETE", f"/destination/{quoted(destination_id)}/filters/{quoted(filter_id)}")
        return answer
