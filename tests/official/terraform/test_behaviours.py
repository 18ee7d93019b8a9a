"""What the Terraform provider relies on beside the life of one resource: pages, drift, refusals and its own slips."""

import pytest

from tests.contract.governance import RULE
from tests.contract.scenario import HTTP_API, MAPPING, POSTGRES, SUBSCRIPTION, WEBHOOK
from tests.official.terraform.connections import Destination, Source, Subscription, Warehouse
from tests.official.terraform.governance import TrackingPlan
from tests.official.terraform.provider import FIRST, PAGE, Gone, Refused


@pytest.fixture
def source(provider, request):
    """A source of the test's own that is connected to nothing."""
    slug = request.node.name.replace("[", "-").strip("]")
    config = {"slug": slug, "enabled": True, "metadataId": HTTP_API, "settings": {}}
    return Source(provider).create(config)


def listed(provider, path, name):
    """How many items each page holds when it is walked as the provider does."""
    sizes, cursor = [], FIRST
    while cursor:
        data = provider.call("GET", path, pagination={"count": PAGE, "cursor": cursor})
        sizes.append(len(data[name]))
        cursor = data["pagination"].get("next")
    return sizes


@pytest.mark.parametrize(("count", "pages"), [(0, [0]), (1, [1]), (200, [200]), (201, [200, 1]), (401, [200, 200, 1])])
def test_fc91_the_last_page_is_the_last_also_when_it_is_full(provider, count, pages):
    rules = [RULE | {"key": f"Event {number}"} for number in range(count)]
    plan = TrackingPlan(provider).create({"name": "Many", "type": "LIVE", "rules": rules})
    assert listed(provider, f"/tracking-plans/{plan['id']}/rules", "rules") == pages
    found = provider.items(f"/tracking-plans/{plan['id']}/rules", "rules", None)
    assert sorted(rule["key"] for rule in found) == sorted(rule["key"] for rule in rules)


def test_fc91_a_full_group_is_one_page(provider):
    emails = [f"Member-{number}@Example.com" for number in range(PAGE)]
    provider.call("POST", "/invites", {"invites": [{"email": email} for email in emails]})
    group = provider.call("POST", "/groups", {"name": "Full"})["userGroup"]
    provider.call("PUT", f"/group/{group['id']}/users", {"emails": emails})
    assert listed(provider, f"/groups/{group['id']}/invites", "emails") == [PAGE]
    assert listed(provider, f"/groups/{group['id']}/users", "users") == [0]
    provider.call("DELETE", "/invites", emails=emails[:1])
    assert listed(provider, f"/groups/{group['id']}/invites", "emails") == [PAGE - 1]
    provider.call("DELETE", f"/groups/{group['id']}")
    provider.call("DELETE", "/invites", emails=emails[1:])


def test_nothing_connected_is_an_empty_first_page(provider, source):
    assert listed(provider, f"/sources/{source['id']}/connected-warehouses", "warehouses") == [0]


def test_fc85_a_plan_shows_what_was_changed_elsewhere_and_nothing_else(provider, source):
    config = {"sourceId": source["id"], "metadataId": WEBHOOK, "enabled": True, "settings": {"sharedSecret": "s"}}
    hook = Destination(provider)
    destination = hook.create(config)
    mapping = {"destinationId": destination["id"], **SUBSCRIPTION}
    subscriptions = Subscription(provider)
    subscription = subscriptions.create(mapping)
    changed = {"input": {"settings": MAPPING | {"url": "https://elsewhere.example/", "timeout": 1}}}
    provider.call("PATCH", subscriptions.one(subscription), changed)
    assert subscriptions.plan(subscriptions.read(subscription, mapping), mapping) == {"settings"}
    provider.call("PATCH", subscriptions.one(subscription), {"input": {"settings": MAPPING | {"timeout": 2}}})
    assert subscriptions.plan(subscriptions.read(subscription, mapping), mapping) == set()
    assert hook.plan(hook.read(destination, config), config) == set()


def test_fc86_settings_of_a_plan_that_is_not_there_are_refused_by_name_and_taken_once_it_is(provider, source):
    path = f"/sources/{source['id']}/settings"
    settings = {"track": {"allowUnplannedEvents": False}, "group": {"commonEventOnViolations": "BLOCK"}}
    before = provider.call("GET", path)
    with pytest.raises(Refused) as refused:
        provider.call("PATCH", path, settings)
    assert refused.value.status == 400
    told = " ".join(f"{each.get('field')} {each['message']}" for each in refused.value.errors)
    assert "track" in told
    assert "group" in told
    assert provider.call("GET", path) == before
    plan = TrackingPlan(provider).create({"name": "P", "type": "LIVE", "rules": []})
    provider.call("POST", f"/tracking-plans/{plan['id']}/sources", {"sourceId": source["id"]})
    found = provider.call("PATCH", path, settings)["settings"]
    assert found["track"]["allowUnplannedEvents"] is False
    assert found["group"]["commonEventOnViolations"] == "BLOCK"


def test_a_null_removes_a_key_and_the_name_beside_the_settings_wins(provider):
    warehouses = Warehouse(provider)
    config = {"metadataId": POSTGRES, "enabled": False, "name": "A", "settings": {"database": "a", "port": "1"}}
    state = warehouses.create(config)
    remote = provider.call("GET", warehouses.one(state))["warehouse"]["settings"]
    assert remote["name"] == "A"
    config |= {"name": "B", "settings": {"database": "a"}}
    state = warehouses.update(state, config)
    remote = provider.call("GET", warehouses.one(state))["warehouse"]["settings"]
    assert (remote["name"], remote.get("port")) == ("B", None)


def test_keys_that_the_server_made_may_be_sent_as_null(provider, source):
    nulls = {"settings": {"ciphertext": None, "encrypted": None, "host": None, "mine": 1}}
    found = provider.call("PATCH", f"/sources/{source['id']}", nulls)["source"]["settings"]
    assert found == {"mine": 1}


def test_what_was_never_found_can_neither_be_read_nor_connected_nor_removed(provider):
    for method in ("POST", "DELETE"):
        with pytest.raises(Gone):
            provider.call(method, "/warehouses/not_found/connected-sources/not_found")


def test_a_user_without_an_id_is_deleted_with_success(provider):
    assert provider.call("DELETE", "/users", userIds=[""]) == {"status": "SUCCESS"}


def test_a_connection_to_a_plan_is_gone_once_it_was_removed_elsewhere(provider, source):
    plan = TrackingPlan(provider).create({"name": "P", "type": "LIVE", "rules": []})
    provider.call("POST", f"/tracking-plans/{plan['id']}/sources", {"sourceId": source["id"]})
    assert provider.call("GET", f"/sources/{source['id']}")["trackingPlanId"] == plan["id"]
    TrackingPlan(provider).delete(plan)
    assert provider.call("GET", f"/sources/{source['id']}")["trackingPlanId"] is None


def test_two_thousand_rules_are_one_request(provider):
    rules = [RULE | {"key": f"Event {number}"} for number in range(2_000)]
    plan = TrackingPlan(provider).create({"name": "Large", "type": "LIVE", "rules": rules})
    assert listed(provider, f"/tracking-plans/{plan['id']}/rules", "rules") == [PAGE] * 10


def test_the_data_sources_find_what_they_look_for(provider):
    roles = [role["name"] for role in provider.call("GET", "/roles", pagination={"count": PAGE})["roles"]]
    assert "Workspace Owner" in roles
    assert provider.call("GET", "/")["workspace"]["slug"]
    for kind, identifier in (("source", HTTP_API), ("destination", WEBHOOK), ("warehouse", POSTGRES)):
        assert provider.call("GET", f"/catalog/{kind}s/{identifier}")[f"{kind}Metadata"]["id"] == identifier
