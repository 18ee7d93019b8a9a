"""Events: How many a workspace has received, by source, type and name, over time.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Granularity, Pagination


class AnsweredQuery(TypedDict):
    workspaceId: str
    granularity: str
    startTime: str
    endTime: str
    groupBy: NotRequired[list[str]]
    sourceId: NotRequired[list[str]]
    eventName: NotRequired[list[str]]
    eventType: NotRequired[list[str]]
    appVersion: NotRequired[list[str]]


class EventSource(TypedDict):
    id: str
    name: NotRequired[str]
    slug: NotRequired[str]


class EventsDatapoint(TypedDict):
    time: str
    count: int


class Volume(TypedDict):
    source: NotRequired[EventSource | None]
    eventName: NotRequired[str]
    eventType: NotRequired[str]
    total: int
    series: list[EventsDatapoint]


class EventsVolumeAnswer(TypedDict):
    path: str
    query: AnsweredQuery
    result: list[Volume]
    pagination: Pagination


class EventsApi:
    """How many a workspace has received, by source, type and name, over time."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_events_volume_from_workspace(
        self,
        *,
        granularity: Granularity,
        start_time: str,
        end_time: str,
        group_by: list[str] | None = None,
        source_id: list[str] | None = None,
        event_name: list[str] | None = None,
        event_type: list[str] | None = None,
        app_version: list[str] | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> EventsVolumeAnswer:
        """How many events were received, from `startTime` on, up to before `endTime`, in steps of `granularity`.

        At most 5,000 groups, the largest first. A token that reads some sources alone is told of those. Counts
        are kept for 30 days, after 3 days by the hour; MINUTE spans at most 4 hours, HOUR 14 days. Steps without
        events are left out.
        """
        answer: EventsVolumeAnswer = self._ask(
            "GET",
            "/events/volume",
            query={
                "granularity": granularity,
                "startTime": start_time,
                "endTime": end_time,
                "groupBy": group_by,
                "sourceId": source_id,
                "eventName": event_name,
                "eventType": event_type,
                "appVersion": app_version,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer
