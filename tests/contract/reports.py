"""The scenario's part of what the data plane has told: counts, volumes and usage; and `echo`."""

from penstock.kit.sketch import Sketch
from penstock.kit.time import format_iso
from penstock.resources.delivery_overview.repository import add_counts
from penstock.resources.usage import add_usage
from penstock.spec.facts import CountedOutcome, CountedUsage
from tests.contract.case import Case

STEPS_OF_SOURCE = {
    "getIngressSuccessMetricsFromDeliveryOverview": "successfully-received",
    "getIngressFailedMetricsFromDeliveryOverview": "failed-on-ingest",
    "getFilteredAtSourceMetricsFromDeliveryOverview": "filtered-at-source",
}
STEPS_OF_DESTINATION = {
    "getFilteredAtDestinationMetricsFromDeliveryOverview": "filtered-at-destination",
    "getEgressFailedMetricsFromDeliveryOverview": "failed-delivery",
    "getEgressSuccessMetricsFromDeliveryOverview": "successful-delivery",
}
USAGE = {
    "getDailyWorkspaceAPICallsUsage": "/usage/api-calls/daily",
    "getDailyPerSourceAPICallsUsage": "/usage/api-calls/sources/daily",
    "getDailyWorkspaceMTUUsage": "/usage/mtu/daily",
    "getDailyPerSourceMTUUsage": "/usage/mtu/sources/daily",
}


async def prepare(control, source_id, destination_id):
    """Something counted in every step, today."""
    workspace_id, now = control.first_run.workspace_id, control.clock.now_ms()
    minute, day = now // 60_000 - 5, now // 86_400_000
    ends = [("SUCCESSFULLY_RECEIVED", "", 7), ("FAILED_ON_INGEST", "unknown_type", 1), ("FILTERED_AT_SOURCE", "x", 2)]
    outcomes = [
        CountedOutcome(workspace_id, source_id, "", "", *end[:2], "track", "E", minute, end[2], 0, "1.0")
        for end in ends
    ]
    ends = [
        ("FILTERED_AT_DESTINATION", "NO_MATCHING_MAPPING", 1, 0),
        ("FAILED_DELIVERY", "404", 1, 1),
        ("FAILED_DELIVERY", "EXPIRED", 1, 0),
        ("AWAITING_RETRY", "503", 2, 0),
        ("SUCCESSFUL_DELIVERY", "successes.attempt.2", 2, 2),
    ]
    outcomes += [
        CountedOutcome(workspace_id, source_id, destination_id, "s", *end[:2], "track", "E", minute, *end[2:])
        for end in ends
    ]
    nobody = Sketch().encode()
    used = CountedUsage(workspace_id, source_id, day, 5, Sketch([1, 2]).encode(), Sketch([3]).encode(), nobody)
    async with control.database.writing() as connection:
        await add_counts(connection, outcomes)
        await add_usage(connection, [used])
    timeframe = f"startTime={format_iso(now - 3_600_000)}&endTime={format_iso(now + 60_000)}"
    return {"timeframe": timeframe, "month": format_iso(now)[:8] + "01"}


def cases(ids):
    timeframe = f"{ids['timeframe']}&granularity=MINUTE&groupBy.0=eventName&groupBy.1=eventType&groupBy.2=appVersion"
    of_source = f"sourceId={ids['source']}&{timeframe}&filter.eventType.0=track"
    of_destination = f"{of_source}&destinationConfigId={ids['destination']}&groupBy.3=discardReason"
    steps = [(name, path, of_source) for name, path in STEPS_OF_SOURCE.items()]
    steps += [(name, path, of_destination) for name, path in STEPS_OF_DESTINATION.items()]
    unknown = f"sourceId=nothing&destinationConfigId=nothing&{timeframe}"
    metrics, no_metrics = (f"/destinations/{each}/delivery-metrics" for each in (ids["destination"], "nothing"))
    return [
        Case("echo", "GET", "/echo?message=hello"),
        *(
            Case(name, "GET", f"/delivery-overview/{path}?{query}", f"/delivery-overview/{path}?{unknown}")
            for name, path, query in steps
        ),
        Case(
            "listDeliveryMetricsSummaryFromDestination",
            "GET",
            f"{metrics}?sourceId={ids['source']}",
            f"{no_metrics}?sourceId={ids['source']}",
        ),
        Case("getEventsVolumeFromWorkspace", "GET", f"/events/volume?{timeframe.replace('appVersion', 'source')}"),
        *(Case(name, "GET", f"{path}?period={ids['month']}") for name, path in USAGE.items()),
    ]
