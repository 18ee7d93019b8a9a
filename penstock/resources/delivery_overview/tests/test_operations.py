import pytest

from penstock.kit.time import format_iso
from penstock.resources.delivery_overview.repository import add_counts, add_latencies
from penstock.spec.facts import CountedLatency, CountedOutcome, latency_bucket
from penstock.testing.control_plane import ALPHA, V1

MINUTE = 31_559_640
"""The clock of the tests stands at it: 2030-01-02T10:00 (UTC)."""
BETA = "application/vnd.segment.v1beta+json"
RECEIVED, DELIVERED, FAILED = "SUCCESSFULLY_RECEIVED", "SUCCESSFUL_DELIVERY", "FAILED_DELIVERY"


@pytest.fixture
async def ids(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    asked = {"sourceId": source["id"], "metadataId": "614a3c7d791c91c41bae7599"}
    destination = (await control.data("POST", "/destinations", asked))["destination"]
    return source["id"], destination["id"]


async def count(control, ids, outcome, number, *, ago=1, name="E", reason="", retries=0, version="", subscription="s"):
    destination, subscription = ("", "") if outcome == RECEIVED else (ids[1], subscription)
    counted = CountedOutcome(
        control.first_run.workspace_id,
        ids[0],
        destination,
        subscription,
        outcome,
        reason,
        "track",
        name,
        MINUTE - ago,
        number,
        retries,
        version,
    )
    async with control.database.writing() as connection:
        await add_counts(connection, [counted])


def path(ids, step="successfully-received", *, granularity="MINUTE", ago=60, until=0, more=""):
    start, end = format_iso((MINUTE - ago) * 60_000), format_iso((MINUTE - until) * 60_000)
    query = f"sourceId={ids[0]}&startTime={start}&endTime={end}&granularity={granularity}{more}"
    return f"/delivery-overview/{step}?{query}&destinationConfigId={ids[1]}"


class TestSeries:
    async def test_counts_are_summed_by_step_from_the_start_on_and_before_the_end(self, control, ids):
        for ago, number in ((61, 1), (60, 2), (30, 4), (1, 8), (0, 16)):
            await count(control, ids, RECEIVED, number, ago=ago)
        data = await control.data("GET", path(ids))
        assert data["total"] == 14
        (only,) = data["dataset"]
        assert only["series"] == [
            {"time": format_iso((MINUTE - ago) * 60_000), "count": number} for ago, number in ((60, 2), (30, 4), (1, 8))
        ]
        data = await control.data("GET", path(ids, granularity="HOUR", ago=120))
        assert [(each["time"][11:16], each["count"]) for each in data["dataset"][0]["series"]] == [
            ("08:00", 1),
            ("09:00", 14),
        ]

    async def test_nothing_counted_is_one_group_of_nothing_or_none(self, control, ids):
        assert (await control.data("GET", path(ids)))["total"] == 0
        assert (await control.data("GET", path(ids, more="&groupBy=eventName")))["dataset"] == []


class TestGroups:
    async def test_they_come_the_largest_first_page_by_page(self, control, ids):
        for name, number in (("a", 1), ("b", 3), ("c", 3), ("d", 2)):
            await count(control, ids, RECEIVED, number, name=name, version="1")
        seen, cursor = [], ""
        while cursor is not None:
            more = f"&groupBy.0=eventName&groupBy.1=appVersion&pagination.count=3{cursor}"
            data = await control.data("GET", path(ids, more=more), accept=BETA)
            seen += [(each["eventName"], each["appVersion"], each["total"]) for each in data["dataset"]]
            following = data["pagination"].get("next")
            cursor = following and f"&pagination.cursor={following}"
        assert seen == [("b", "1", 3), ("c", "1", 3), ("d", "1", 2), ("a", "1", 1)]
        assert (data["total"], data["pagination"]["totalEntries"]) == (9, 4)

    async def test_successes_are_told_by_the_attempt_that_did_it_with_retries(self, control, ids):
        await count(control, ids, DELIVERED, 5, reason="successes.attempt.1")
        await count(control, ids, DELIVERED, 2, reason="successes.attempt.2", retries=2, subscription="t")
        data = await control.data("GET", path(ids, "successful-delivery", more="&groupBy=discardReason"))
        assert [(each["discardReason"], each["total"], each["totalRetryCount"]) for each in data["dataset"]] == [
            ("successes.attempt.1", 5, 0),
            ("successes.attempt.2", 2, 2),
        ]
        assert data["dataset"][1]["series"][0]["retryCount"] == 2
        only = "&filter.discardReason.0=successes.attempt.2"
        assert (await control.data("GET", path(ids, "successful-delivery", more=only)))["total"] == 2
        by_subscription = await control.data("GET", path(ids, "successful-delivery", more="&groupBy=subscriptionId"))
        assert [each["total"] for each in by_subscription["dataset"]] == [5, 2]

    async def test_filters_are_read_in_every_spelling_and_what_nothing_has_finds_nothing(self, control, ids):
        await count(control, ids, FAILED, 3, reason="404")
        for more in (
            "&filter[eventName][0]=E&filter[eventName][1]=F",
            '&filter={"eventName":["E"]}',
            "&filter.discardReason=404",
            "&filter.subscriptionId.0=s",
            "&groupBy=audienceId",
        ):
            assert (await control.data("GET", path(ids, "failed-delivery", more=more)))["total"] == 3, more
        for more in ("&filter.eventName.0=F", "&filter.spaceId.0=x"):
            assert (await control.data("GET", path(ids, "failed-delivery", more=more)))["total"] == 0, more


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"ago": 4 * 60 + 1}, "endTime"),
            ({"ago": 0}, "endTime"),
            ({"ago": 50 * 60, "until": 49 * 60}, "startTime"),
            ({"granularity": "HOUR", "ago": 14 * 24 * 60 + 1}, "endTime"),
            ({"granularity": "DAY", "ago": 32 * 24 * 60, "until": 20 * 24 * 60}, "startTime"),
            ({"granularity": "WEEK"}, "granularity"),
            ({"more": "&groupBy=discardReason"}, "groupBy"),
            ({"more": "&filter.discardReason=x"}, "filter.discardReason"),
            ({"more": "&filter.colour=x"}, "filter.colour"),
        ],
    )
    async def test_what_cannot_be_asked_is_refused_by_name(self, control, ids, changes, field):
        answer = await control.ask("GET", path(ids, **changes), accept=V1)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text

    async def test_a_granularity_that_is_none_is_told_those_that_are(self, control, ids):
        told = (await control.ask("GET", path(ids, granularity="WEEK"), accept=V1)).json()["errors"][0]["message"]
        assert told == '"granularity" must be one of DAY, HOUR, MINUTE'

    async def test_a_source_and_a_destination_must_be_there(self, control, ids):
        assert (await control.ask("GET", path(("nothing", ids[1])))).status_code == 404
        assert (await control.ask("GET", path((ids[0], "nothing"), "failed-delivery"))).status_code == 404


class TestDeliveryMetrics:
    async def test_they_sum_up_what_became_of_the_deliveries(self, control, ids):
        await count(control, ids, DELIVERED, 5, reason="successes.attempt.1")
        await count(control, ids, DELIVERED, 2, reason="successes.attempt.2", retries=2)
        await count(control, ids, FAILED, 3, reason="404")
        await count(control, ids, FAILED, 4, reason="EXPIRED")
        await count(control, ids, "AWAITING_RETRY", 6, reason="503")
        await count(control, ids, DELIVERED, 7, reason="successes.attempt.1", ago=61)
        metrics = f"/destinations/{ids[1]}/delivery-metrics?sourceId={ids[0]}"
        summary = (await control.data("GET", metrics, accept=ALPHA))["deliveryMetricsSummary"]
        assert {each["metricName"]: each["total"] for each in summary["metrics"]} == {
            "successes": 7,
            "expired": 4,
            "errors.discarded": 3,
            "errors.awaiting-retry": 6,
            "latency": 0,
        }
        parts = {part["metricName"]: part["value"] for each in summary["metrics"] for part in each.get("breakdown", [])}
        assert parts == {
            "successes.attempt.1": 5,
            "successes.attempt.2": 2,
            "errors.discarded.404": 3,
            "errors.awaiting-retry.503": 6,
        }
        hours = (await control.data("GET", f"{metrics}&granularity=HOUR"))["deliveryMetricsSummary"]
        assert hours["metrics"][0]["total"] == 14

    async def test_the_latency_is_what_95_of_100_deliveries_do_not_exceed(self, control, ids):
        workspace = control.first_run.workspace_id
        told = [(90, 10), (4, 1_000), (1, 2_000), (5, 60_000)]
        measured = [CountedLatency(workspace, *ids, MINUTE - 1, latency_bucket(ms), number) for number, ms in told]
        measured.append(CountedLatency(workspace, *ids, MINUTE - 61, latency_bucket(3_600_000), 1_000))
        measured.append(CountedLatency(workspace, ids[0], "another", MINUTE - 1, latency_bucket(3_600_000), 1_000))
        async with control.database.writing() as connection:
            await add_latencies(connection, measured)
        metrics = f"/destinations/{ids[1]}/delivery-metrics?sourceId={ids[0]}"
        summary = (await control.data("GET", metrics))["deliveryMetricsSummary"]
        (latency,) = [each for each in summary["metrics"] if each["metricName"] == "latency"]
        ((name, value),) = [(part["metricName"], part["value"]) for part in latency["breakdown"]]
        assert (latency["total"], name) == (100, "latency.p95")
        assert 2_000 <= value < 2_400

    async def test_the_source_must_be_its_own(self, control, ids):
        assert (await control.ask("GET", f"/destinations/{ids[1]}/delivery-metrics?sourceId=other")).status_code == 404
        assert (await control.ask("GET", f"/destinations/{ids[1]}/delivery-metrics")).status_code == 400
