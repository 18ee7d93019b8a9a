import pytest

from penstock.testing.setup import WEBHOOK


@pytest.fixture
async def destination(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    asked = {"sourceId": source["id"], "metadataId": WEBHOOK}
    return (await control.data("POST", "/destinations", asked))["destination"]


async def told(control):
    """The newest snapshot of a destination."""
    return [each for envelope, each in await control.outbox() if envelope.kind == "destination"][-1]


class TestConsent:
    async def test_a_destination_has_no_categories_until_it_is_given_some(self, control, destination):
        path = f"/penstock/destinations/{destination['id']}/consent"
        none = {"destinationId": destination["id"], "categories": []}
        assert (await control.data("GET", path))["consent"] == none
        given = none | {"categories": ["Advertising", "Über uns"]}
        body = {"categories": ["Advertising", "Über uns", "Advertising"]}
        assert (await control.data("PATCH", path, body))["consent"] == given
        assert (await control.data("GET", path))["consent"] == given
        assert (await told(control)).consent_categories == ["Advertising", "Über uns"]
        assert (await control.data("PATCH", path, {"categories": []}))["consent"] == none
        assert (await told(control)).consent_categories == []

    @pytest.mark.parametrize("category", ["", "1st", "x" * 35])
    async def test_a_category_that_cannot_be_one_is_refused(self, control, destination, category):
        path = f"/penstock/destinations/{destination['id']}/consent"
        refused = await control.ask("PATCH", path, {"categories": ["a", category]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "categories.1")

    async def test_what_changes_nothing_is_not_told_again(self, control, destination):
        path = f"/penstock/destinations/{destination['id']}/consent"
        await control.data("PATCH", path, {"categories": ["a"]})
        before = len(await control.outbox())
        await control.data("PATCH", path, {"categories": ["a"]})
        assert len(await control.outbox()) == before

    async def test_other_changes_keep_them(self, control, destination):
        await control.data("PATCH", f"/penstock/destinations/{destination['id']}/consent", {"categories": ["a"]})
        await control.data("PATCH", f"/destinations/{destination['id']}", {"enabled": True})
        assert (await told(control)).consent_categories == ["a"]


class TestIntegrationFilters:
    FILTERS = [{"type": "track", "name": "Order Done"}, {"type": "group"}]

    async def test_events_are_switched_off_for_one_destination(self, control, destination):
        path = f"/penstock/destinations/{destination['id']}/integration-filters"
        none = {"destinationId": destination["id"], "isActive": True, "blockedEvents": []}
        assert (await control.data("GET", path))["filters"] == none
        sent = [*self.FILTERS, {"type": "group", "name": "ignored"}]
        changed = (await control.data("PATCH", path, {"blockedEvents": sent}))["filters"]
        assert changed == none | {"blockedEvents": self.FILTERS}
        assert (await control.data("GET", path))["filters"] == changed
        assert (await told(control)).blocked_events == [("track", "Order Done"), ("group", "")]

    async def test_they_rest_while_the_source_has_a_tracking_plan(self, control, destination):
        path = f"/penstock/destinations/{destination['id']}/integration-filters"
        await control.data("PATCH", path, {"blockedEvents": self.FILTERS})
        plan = (await control.data("POST", "/tracking-plans", {"name": "n", "type": "LIVE"}))["trackingPlan"]["id"]
        source = destination["sourceId"]
        await control.data("POST", f"/tracking-plans/{plan}/sources", {"sourceId": source})
        assert (await told(control)).blocked_events == []
        shown = (await control.data("GET", path))["filters"]
        assert (shown["isActive"], shown["blockedEvents"]) == (False, self.FILTERS)
        assert (await control.ask("PATCH", path, {"blockedEvents": []})).status_code == 400
        await control.data("DELETE", f"/tracking-plans/{plan}/sources?sourceId={source}")
        assert len((await told(control)).blocked_events) == 2
        await control.data("POST", f"/tracking-plans/{plan}/sources", {"sourceId": source})
        await control.data("DELETE", f"/tracking-plans/{plan}")
        assert len((await told(control)).blocked_events) == 2

    @pytest.mark.parametrize("blocked", [[{"type": "page", "name": "x"}], [{"name": "x"}], [{"type": "group"}] * 101])
    async def test_what_cannot_be_switched_off_is_refused(self, control, destination, blocked):
        path = f"/penstock/destinations/{destination['id']}/integration-filters"
        assert (await control.ask("PATCH", path, {"blockedEvents": blocked})).status_code == 400

    async def test_a_tracked_event_without_a_name_is_refused(self, control, destination):
        path = f"/penstock/destinations/{destination['id']}/integration-filters"
        refused = await control.ask("PATCH", path, {"blockedEvents": [*self.FILTERS, {"type": "track"}]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "blockedEvents.2.name")
