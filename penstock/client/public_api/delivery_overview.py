"""Delivery Overview: How events ended, counted from what the data plane reports.

Written by `make docs`; edits here are lost.
"""

from typing import NotRequired, TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Granularity, Pagination


class DeliveryOverviewDatapoint(TypedDict):
    time: str
    count: int
    retryCount: NotRequired[int]


class Dataset(TypedDict):
    eventName: NotRequired[str]
    eventType: NotRequired[str]
    discardReason: NotRequired[str]
    appVersion: NotRequired[str]
    total: int
    totalRetryCount: NotRequired[int]
    series: list[DeliveryOverviewDatapoint]


class MetricsAnswer(TypedDict):
    total: int
    dataset: list[Dataset]
    pagination: Pagination


class Filter(TypedDict):
    """Values of which one must be there, by dimension. What an operation does not know, its contract leaves out."""

    discardReason: NotRequired[list[str]]
    eventName: NotRequired[list[str]]
    eventType: NotRequired[list[str]]
    appVersion: NotRequired[list[str]]
    subscriptionId: NotRequired[list[str]]
    activationId: NotRequired[list[str]]
    audienceId: NotRequired[list[str]]
    spaceId: NotRequired[list[str]]


class DeliveryOverviewApi:
    """How events ended, counted from what the data plane reports."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_ingress_success_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Events that a source has received.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/successfully-received",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def get_ingress_failed_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Events that came and were not received, and why.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/failed-on-ingest",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def get_filtered_at_source_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Events that a source has received and did not pass on: its tracking plan or a transformation kept them.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/filtered-at-source",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def get_filtered_at_destination_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        destination_config_id: str,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Events that a destination was not to get, and why; one of several mappings counts for itself.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/filtered-at-destination",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "destinationConfigId": destination_config_id,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def get_egress_failed_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        destination_config_id: str,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Deliveries that failed for good, and why. Those that wait for another try are not among them.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/failed-delivery",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "destinationConfigId": destination_config_id,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer

    def get_egress_success_metrics_from_delivery_overview(
        self,
        *,
        source_id: str,
        start_time: str,
        end_time: str,
        granularity: Granularity,
        destination_config_id: str,
        group_by: list[str] | None = None,
        filter_: Filter | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> MetricsAnswer:
        """Deliveries that succeeded. Their `discardReason` is the attempt that did: `successes.attempt.1` and so on.

        From `startTime` on, up to before `endTime`: MINUTE for at most 4 hours that begin at most 48 hours ago,
        HOUR for 14 days of the last 30, DAY for 30. Groups come the largest first; steps in which nothing was
        counted are left out.
        """
        answer: MetricsAnswer = self._ask(
            "GET",
            "/delivery-overview/successful-delivery",
            query={
                "sourceId": source_id,
                "startTime": start_time,
                "endTime": end_time,
                "granularity": granularity,
                "destinationConfigId": destination_config_id,
                "groupBy": group_by,
                "filter": filter_,
                "pagination[count]": count,
                "pagination[cursor]": cursor,
            },
        )
        return answer
