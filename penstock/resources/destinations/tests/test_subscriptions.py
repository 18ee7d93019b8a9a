import json
import secrets

import pytest

from penstock.catalog.destinations import load_destination_catalog
from penstock.resources.destinations.service import MAPPING_LIMIT
from penstock.testing.control_plane import V1

HTTP_API = "iUM16Md8P2"
WEBHOOK = "614a3c7d791c91c41bae7599"
MAPPING = {
    "url": "http://127.0.0.1:1/x",
    "method": "POST",
    "data": {"@path": "$."},
    "n": [1, 1.5, None, {"b": 1, "a": 2}],
}
ASKED = {"name": "All", "actionId": "send", "trigger": 'type = "track"', "enabled": True, "settings": MAPPING}


@pytest.fixture
async def path(control):
    source = (await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API}))["source"]
    body = {"sourceId": source["id"], "metadataId": WEBHOOK}
    destination = (await control.data("POST", "/destinations", body))["destination"]
    return f"/destinations/{destination['id']}/subscriptions"


async def make(control, path, **body):
    control.clock.advance(61)
    return (await control.data("POST", path, ASKED | body))["destinationSubscription"]


class TestCreateDestinationSubscription:
    async def test_the_answer_holds_what_was_sent_and_delivery_is_told(self, control, path):
        made = await make(control, path)
        assert {name: made[name] for name in ASKED} == ASKED
        assert made["actionSlug"] == "send"
        assert "modelId" not in made
        envelope, snapshot = (await control.outbox())[-1]
        assert envelope.version == 2
        (told,) = snapshot.subscriptions
        assert (told.id, told.action, told.trigger, told.enabled) == (made["id"], "send", ASKED["trigger"], True)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"actionId": "nothing"}, "actionId"),
            ({"trigger": "all"}, "trigger"),
            ({"trigger": 'groupId = "x"'}, "trigger"),
            ({"trigger": 5}, "trigger"),
            ({"enabled": None}, "enabled"),
            ({"settings": "x"}, "settings"),
            ({"extra": 1}, "extra"),
        ],
    )
    async def test_what_cannot_work_is_refused_by_name(self, control, path, change, field):
        answer = await control.ask("POST", path, ASKED | change, accept=V1)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    async def test_a_destination_has_a_bounded_number_of_mappings(self, control, path):
        for _ in range(MAPPING_LIMIT):
            await make(control, path)
        control.clock.advance(61)
        answer = await control.ask("POST", path, ASKED)
        assert answer.status_code == 400
        assert f"at most {MAPPING_LIMIT}" in answer.json()["errors"][0]["message"]

    async def test_the_sixth_within_a_minute_comes_too_soon(self, control, path):
        for _ in range(5):
            await control.data("POST", path, ASKED)
        answer = await control.ask("POST", path, ASKED)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) in range(58, 61)
        assert answer.json()["errors"][0]["type"] == "RequestError"


class TestListAndGet:
    async def test_mappings_are_listed_in_their_order_page_by_page(self, control, path):
        made = [await make(control, path, name=str(number)) for number in range(3)]
        data = await control.data("GET", f"{path}?pagination[count]=2")
        rest = await control.data("GET", f"{path}?pagination[count]=2&pagination[cursor]={data['pagination']['next']}")
        assert data["subscriptions"] + rest["subscriptions"] == made
        assert "next" not in rest["pagination"]

    async def test_one_of_another_destination_is_not_found(self, control, path):
        made = await make(control, path)
        assert (await control.data("GET", f"{path}/{made['id']}"))["subscription"] == made
        assert (await control.ask("GET", f"/destinations/other/subscriptions/{made['id']}")).status_code == 404


class TestUpdateAndRemove:
    async def test_what_input_holds_is_changed_and_the_mapping_is_replaced(self, control, path):
        made = await make(control, path)
        changes = {"name": "x", "enabled": False, "trigger": 'event = "y"', "settings": {"url": "z"}}
        schedule = {"strategy": "PERIODIC", "config": {"interval": "1h"}}
        body = {"input": changes | {"reverseETLModelId": "m", "reverseETLSchedule": schedule}}
        changed = (await control.data("PATCH", f"{path}/{made['id']}", body))["subscription"]
        assert changed == made | changes | {"modelId": "m", "reverseETLSchedule": schedule}
        (told,) = (await control.outbox())[-1][1].subscriptions
        assert (told.name, told.enabled, json.loads(told.mapping)["url"]) == ("x", False, "z")

    async def test_changes_that_are_not_wrapped_are_refused(self, control, path):
        made = await make(control, path)
        answer = await control.ask("PATCH", f"{path}/{made['id']}", {"name": "x"})
        assert answer.status_code == 400
        assert {problem["field"] for problem in answer.json()["errors"]} == {"input", "name"}

    async def test_a_trigger_is_judged_again(self, control, path):
        made = await make(control, path)
        answer = await control.ask("PATCH", f"{path}/{made['id']}", {"input": {"trigger": ""}})
        assert answer.json()["errors"][0]["field"] == "input.trigger"

    async def test_a_removed_mapping_is_gone_and_the_others_keep_their_order(self, control, path):
        made = [await make(control, path, name=str(number)) for number in range(3)]
        assert await control.data("DELETE", f"{path}/{made[1]['id']}") == {"status": "SUCCESS"}
        again = await make(control, path, name="3")
        listed = (await control.data("GET", path))["subscriptions"]
        assert listed == [made[0], made[2], again]
        assert (await control.ask("DELETE", f"{path}/{made[1]['id']}")).status_code == 404


async def test_delivery_is_told_whether_the_action_takes_batches(control, path):
    await make(control, path)
    assert (await control.outbox())[-1][1].subscriptions[-1].takes_batches
    launchpad = next(each for each in load_destination_catalog().values() if each.slug == "actions-launchpad")
    source = (await control.data("POST", "/sources", {"slug": "other", "metadataId": HTTP_API}))["source"]
    settings = {option.name: "x" for option in launchpad.options if option.required and option.type == "string"}
    body = {"sourceId": source["id"], "metadataId": launchpad.id, "settings": settings}
    await control.data("POST", "/destinations", body)
    told = (await control.outbox())[-1][1].subscriptions
    refusing = [each for each in told if each.action == "trackEvent"]
    assert refusing
    assert not any(each.takes_batches for each in refusing)


class TestHiddenFields:
    """Fields that no catalogue lists, yet the action needs: batches of webhooks must not mix two addresses."""

    async def told(self, control, path, settings):
        await make(control, path, settings=settings)
        return json.loads((await control.outbox())[-1][1].subscriptions[-1].mapping)

    async def test_delivery_is_told_them_and_the_api_shows_what_was_sent(self, control, path):
        assert await self.told(control, path, {"url": "x"}) == {"url": "x", "batch_keys": ["url", "method", "headers"]}
        (shown,) = (await control.data("GET", path))["subscriptions"]
        assert shown["settings"] == {"url": "x"}

    async def test_one_that_was_sent_stays_as_it_is(self, control, path):
        assert await self.told(control, path, {"batch_keys": ["url"]}) == {"batch_keys": ["url"]}


async def test_what_the_data_plane_could_not_be_told_is_refused_with_its_size(control, path):
    for _ in range(5):
        await make(control, path, settings={"data": secrets.token_hex(450_000)})
    before = len(await control.outbox())
    for _ in range(5):
        control.clock.advance(61)
        answer = await control.ask("POST", path, ASKED | {"settings": {"data": secrets.token_hex(450_000)}})
    assert answer.status_code == 400
    assert "bytes compressed" in answer.json()["errors"][0]["message"]
    assert len((await control.data("GET", path))["subscriptions"]) == 5 + len(await control.outbox()) - before < 10
