"""Every resource of the Terraform provider: made, read, changed, imported and removed, and never a plan that is not
empty where nobody changed anything."""

import json

import pytest

from penstock.api.roles import MEMBER_ID, ROLES_BY_NAME
from tests.contract.functions import CODE, LIST, SETTING
from tests.contract.governance import RULE
from tests.contract.scenario import FILTER, HTTP_API, MAPPING, POSTGRES, SUBSCRIPTION, WEBHOOK
from tests.official.terraform import connections, governance, people
from tests.official.terraform.provider import Gone

SECRET = {"sharedSecret": "s3cret"}
DATABASE = {"hostname": "db.example", "port": "5432", "database": "events", "username": "u", "password": "s3cret"}
BLOCK = {"commonEventOnViolations": "BLOCK"}
LABELS = [{"key": "environment", "value": "dev"}]
SOURCE_ADMIN = ROLES_BY_NAME["Source Admin"].id


@pytest.fixture(scope="module")
def ids(provider):
    """What other resources are built on."""
    made = {}
    for name in ("one", "two"):
        config = {"slug": f"terraform-{name}", "enabled": True, "metadataId": HTTP_API, "settings": {}}
        made[name] = connections.Source(provider).create(config)["id"]
    config = {"sourceId": made["one"], "metadataId": WEBHOOK, "enabled": True, "settings": {}, "name": "Base"}
    made["destination"] = connections.Destination(provider).create(config)["id"]
    config = {"metadataId": POSTGRES, "enabled": False, "settings": DATABASE}
    made["warehouse"] = connections.Warehouse(provider).create(config)["id"]
    made["plan"] = governance.TrackingPlan(provider).create({"name": "Base", "type": "LIVE", "rules": []})["id"]
    config = {"code": CODE, "displayName": "f", "resourceType": "INSERT_DESTINATION", "settings": [SETTING]}
    made["function"] = governance.Function(provider).create(config)["id"]
    made["workspace"] = provider.call("GET", "/")["workspace"]["id"]
    return made


def source(ids):
    del ids
    settings = {"ü": ["", [], {}], "a": {"b": None}}
    config = {"slug": "tf_Shop-1", "enabled": True, "metadataId": HTTP_API, "settings": settings}
    return connections.Source, config, [{"name": "Shop"}, {"enabled": False}, {"settings": {"b": 1.5}}, {"slug": "s2"}]


def labelled_source(ids):
    config = source(ids)[1] | {"slug": "labelled", "name": " Shop  é ", "labels": LABELS}
    return connections.Source, config, [{"labels": [{"key": "environment", "value": "prod"}]}]


def destination(ids):
    config = {"sourceId": ids["two"], "metadataId": WEBHOOK, "enabled": True, "settings": SECRET}
    return connections.Destination, config, [{"name": "Hook"}, {"enabled": False}, {"settings": {}}]


def subscription(ids):
    config = {"destinationId": ids["destination"], **SUBSCRIPTION}
    trigger = {"trigger": 'type = "track"   and event="é"'}
    return connections.Subscription, config, [trigger, {"name": " x "}, {"settings": MAPPING | {"method": "PUT"}}]


def filter_(ids):
    config = {"destinationId": ids["destination"], "sourceId": ids["one"], **FILTER}
    sampled = [{"type": "SAMPLE", "percent": 0.30000001192092896}, {"type": "DROP"}]
    changes = [{"description": "d"}, {"actions": sampled}, {"if": " all"}, {"enabled": False}, {"title": "T "}]
    return connections.Filter, config, changes


def warehouse(ids):
    del ids
    config = {"metadataId": POSTGRES, "enabled": True, "settings": DATABASE, "name": "Lake"}
    changes = [{"name": "Sea"}, {"enabled": False}, {"settings": DATABASE | {"port": "5433"}}]
    return connections.Warehouse, config, changes


def warehouse_connection(ids):
    return connections.WarehouseConnection, {"sourceId": ids["one"], "warehouseId": ids["warehouse"]}, []


def label(ids):
    del ids
    return governance.Label, {"key": "tier", "value": "gold"}, []


def described_label(ids):
    del ids
    return governance.Label, {"key": "tier", "value": "silver", "description": " d "}, []


def tracking_plan(ids):
    del ids
    rules = [RULE, {"type": "IDENTIFY", "version": 1, "jsonSchema": {"type": "object", "$schema": "x", "b": [1.0]}}]
    config = {"name": "Web", "type": "LIVE", "rules": rules}
    return (
        governance.TrackingPlan,
        config,
        [{"name": "Site"}, {"description": "d"}, {"rules": rules[1:]}, {"rules": []}],
    )


def tracking_plan_connection(ids):
    config = {"sourceId": ids["one"], "trackingPlanId": ids["plan"]}
    settings = {
        "track": {"allowUnplannedEvents": True, "allowEventOnViolations": False, **BLOCK},
        "identify": {"allowUnplannedTraits": False, **BLOCK},
        "group": {"allowTraitsOnViolations": True, **BLOCK},
        "forwardingViolationsTo": ids["two"],
        "forwardingBlockedEventsTo": ids["two"],
    }
    return governance.TrackingPlanConnection, config, [{"schemaSettings": settings}]


def transformation(ids):
    config = {
        "name": "Rename",
        "sourceId": ids["one"],
        "enabled": True,
        "if": "event = 'a'",
        "newEventName": "b",
        "propertyRenames": [],
        "propertyValueTransformations": [],
        "fqlDefinedProperties": [],
    }
    renames = [{"oldName": "a", "newName": "b"}]
    values = [{"propertyPaths": ["properties.c"], "propertyValue": "1"}]
    changes = [
        {"propertyRenames": renames},
        {"propertyValueTransformations": values},
        {"sourceId": ids["two"]},
        {"name": " N "},
    ]
    return governance.Transformation, config, changes


def function(ids):
    del ids
    config = {"code": CODE, "displayName": "Names", "resourceType": "SOURCE", "settings": []}
    changes = [
        {"settings": [LIST, SETTING]},
        {"code": f"// é\r\n{CODE}"},
        {"description": "d"},
        {"logoUrl": "https://l/"},
    ]
    return governance.Function, config, changes


def insert_function_instance(ids):
    config = {
        "name": "i",
        "functionId": ids["function"],
        "integrationId": ids["destination"],
        "enabled": False,
        "settings": {"apiKey": "s3cret"},
    }
    return governance.InsertFunctionInstance, config, [{"name": "j"}, {"settings": {"apiKey": "another"}}]


def invite(ids):
    return people.User, {"email": "Pending+tf@Example.com", "permissions": member(ids)}, [{"permissions": admin(ids)}]


def user_group(ids):
    config = {"name": "Crew", "permissions": member(ids), "members": []}
    changes = [{"name": "Team"}, {"permissions": admin(ids)}, {"members": ["Ada+tf@Example.com"]}, {"members": []}]
    return people.UserGroup, config, changes


def member(ids):
    return [{"roleId": MEMBER_ID, "resources": [{"id": ids["workspace"], "type": "WORKSPACE"}]}]


def admin(ids):
    one = {"roleId": SOURCE_ADMIN, "resources": [{"id": ids["one"], "type": "SOURCE"}]}
    labelled = {"id": ids["workspace"], "type": "WORKSPACE", "labels": LABELS}
    return [one, *member(ids), {"roleId": SOURCE_ADMIN, "resources": [labelled]}]


KINDS = (
    source,
    labelled_source,
    destination,
    subscription,
    filter_,
    warehouse,
    warehouse_connection,
    label,
    described_label,
    tracking_plan,
    tracking_plan_connection,
    transformation,
    function,
    insert_function_instance,
    invite,
    user_group,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.strip("_"))
def test_a_resource_lives_without_drift(provider, ids, kind):
    made_of, config, changes = kind(ids)
    resource = made_of(provider)
    provider.call("POST", "/invites", {"invites": [{"email": "Ada+tf@Example.com"}]})
    state = resource.create(config)
    check(resource, state, config)
    for change in changes:
        config = config | change
        state = resource.update(state, config)
        check(resource, state, config)
    if not state.get("isInvite"):
        imported = resource.read(resource.identity(state))
        assert resource.plan(unmasked(imported, config), config) == set()
    resource.delete(state)
    if not state.get("isInvite"):
        with pytest.raises(Gone):
            resource.read(state, config)


def check(resource, state, config):
    """What was applied is what was planned; a second plan is empty; catalog entries are the same, to the byte."""
    assert resource.plan(state, config) == set()
    found = resource.read(state, config)
    assert resource.plan(found, config) == set()
    assert json.dumps(found.get("metadata")) == json.dumps(state.get("metadata"))


def unmasked(imported, config):
    """An import stores all settings there are; those that are secret are the user's to give again."""
    if isinstance(imported.get("settings"), dict):
        remote = imported["settings"]
        kept = {name: value if "•" in str(remote[name]) else remote[name] for name, value in config["settings"].items()}
        return imported | {"settings": kept}
    return imported


def test_a_user_is_found_once_somebody_has_joined(provider, ids, join):
    resource = people.User(provider)
    config = {"email": "Grace+tf@Example.com", "permissions": member(ids)}
    state = resource.create(config)
    assert state["isInvite"]
    join(config["email"])
    state = resource.read(state)
    assert "isInvite" not in state
    for permissions in (admin(ids), member(ids)):
        config["permissions"] = permissions
        state = resource.update(state, config)
        check(resource, state, config)
    resource.delete(state)
    with pytest.raises(Gone):
        resource.read(state)
