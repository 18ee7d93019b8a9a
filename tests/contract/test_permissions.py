"""Every operation by every role on everything that it can be given on: allowed or refused as the table of roles says, none left out.

Each request takes the whole road; in the place of the handler stands one that says so and changes nothing. What is
expected is said here once more, from the table of roles and from what a request names.
"""

import re

import msgspec
import pytest

from penstock.api.auth import NewToken, insert_token
from penstock.api.errors import ApiError
from penstock.api.operation import Question
from penstock.api.policies import insert_policies
from penstock.api.roles import ROLES
from penstock.resources import application
from penstock.resources.slices import OPERATIONS
from penstock.testing.control_plane import V1, client_of
from tests.contract.case import Case
from tests.contract.scenario import HTTP_API, cases, prepare

NARROWED = {
    "source": "SOURCE",
    "destination": "SOURCE",
    "transformation": "SOURCE",
    "delivery": "SOURCE",
    "event": "SOURCE",
    "warehouse": "WAREHOUSE",
    "function": "FUNCTION",
}
"""Permissions that can be held on a part of the workspace, by their first word: on what."""
NAMES = {
    "SOURCE": {"sourceId", "destinationId", "destinationConfigId", "transformationId", "integrationId"},
    "WAREHOUSE": {"warehouseId"},
    "FUNCTION": {"functionId", "instanceId"},
}
"""How a request names what belongs to one of them. Everything that the scenario makes belongs to what is `given`."""
SHOWING = {
    "listSources",
    "listDestinations",
    "listTransformations",
    "listWarehouses",
    "listFunctions",
    "previewDestinationFilter",
    "getEventsVolumeFromWorkspace",
    "createValidationInWarehouse",
}
"""What shows no more than may be read, or touches nothing."""
BESIDE = {
    "listConnectedSourcesFromWarehouse": "source:read",
    "listSourcesFromTrackingPlan": "source:read",
    "listConnectedWarehousesFromSource": "warehouse:read",
}
"""Lists in one thing of others: the permission for those may be held on any of them."""
PROD, WEB, DEV = ("environment", "prod"), ("team", "web"), ("environment", "dev")
MET, MISSED = ((PROD,), (PROD, WEB)), ((DEV,), (PROD, DEV))
"""Labels of a grant that all sources have, and such that none has all of."""


class Arrived(ApiError):
    status = 418


async def arrive(_):
    raise Arrived("the handler would have been asked")


async def ask_nothing(_) -> Question | None:
    return None


@pytest.fixture
async def everything(control, monkeypatch):
    """The control plane with one of everything, its handlers replaced; the cases; and ids by type."""
    ids = await prepare(control)
    found = {
        "SOURCE": [each["id"] for each in (await control.data("GET", "/sources", accept=V1))["sources"]],
        "WAREHOUSE": [ids["warehouse"]],
        "FUNCTION": [ids[name] for name in ("function", "inserted", "insert_function")],
    }
    labels = {"labels": [{"key": key, "value": value} for key, value in (PROD, WEB)]}
    for source_id in found["SOURCE"]:
        await control.data("PUT", f"/sources/{source_id}/labels", labels)
    elsewhere = (await control.data("POST", "/sources", {"slug": "elsewhere", "metadataId": HTTP_API}))["source"]["id"]
    asked = [*cases(ids, is_official=True), *own_cases(ids)]
    assert {case.operation for case in asked} == {operation.id for operation in OPERATIONS}
    replaced = [msgspec.structs.replace(each, handler=arrive, asks=each.asks and ask_nothing) for each in OPERATIONS]
    monkeypatch.setattr(application, "OPERATIONS", replaced)
    control.client = client_of(control.api)
    return asked, found, elsewhere


def own_cases(ids):
    """One for each operation beside the contract; what its path names is what the scenario has made."""
    bodies = {
        "createInviteToken": {"email": "invited@example.com"},
        "createToken": {"name": "n", "permissions": []},
        "createWorkspace": {"name": "n"},
        "updateDestinationConsent": {"categories": []},
        "updateIntegrationFilters": {"blockedEvents": []},
        "whatIf": {"sourceId": ids["source"], "since": "2030-01-01T00:00:00Z", "until": "2030-01-01T01:00:00Z"},
    }
    queries = dict.fromkeys(("getSchemaEvent", "getSchemaSamples"), "?type=track")
    queries["listViolatingEvents"] = f"?sourceId={ids['source']}&messageIds=m"
    for operation in OPERATIONS:
        if operation.is_ours:
            path = re.sub(r"{(\w+)Id}", lambda found: ids.get(found[1], "nothing"), operation.paths[0])
            body = None if operation.method in ("GET", "DELETE") else bodies.get(operation.id, {})
            yield Case(operation.id, operation.method, path + queries.get(operation.id, ""), body=body)


def forms(role, given, elsewhere, workspace_id):
    """(what the role is given on, whether that is all, whether it is what the scenario names)."""
    workspace = {"id": workspace_id, "type": "WORKSPACE"}
    yield [workspace], True, True
    if role.narrowed:
        yield [{"id": each, "type": role.narrowed} for each in given.get(role.narrowed, ["space"])], False, True
        yield [{"id": elsewhere, "type": role.narrowed}], False, False
    for is_met, sets in ((True, MET), (False, MISSED)) if role.has_labels else ():
        for labels in sets:
            pairs = [{"key": key, "value": value} for key, value in labels]
            yield [workspace | {"labels": pairs}], False, is_met


def is_allowed(operation, case, role, *, is_all, is_named):
    return all(
        need.permission in role.permissions and is_held(operation, case, str(need.permission), is_all, is_named)
        for need in operation.needs
    )


def is_held(operation, case, permission, is_all, is_named):
    """Whether a role that has the permission holds it on what this request names."""
    on = NARROWED.get(permission.partition(":")[0])
    if is_all or on is None or case.operation in SHOWING or BESIDE.get(case.operation) == permission:
        return True
    body = set(case.body) if isinstance(case.body, dict) else set()
    query = {pair.partition("=")[0] for pair in case.path.partition("?")[2].split("&")}
    named = {name for name in NAMES[on] if f"{{{name}}}" in operation.paths[0]} | (NAMES[on] & (body | query))
    return bool(named) and is_named


@pytest.mark.one_database
async def test_a_role_opens_what_its_table_says_and_nothing_else(control, everything, report):
    asked, given, elsewhere = everything
    by_id = {operation.id: operation for operation in OPERATIONS}
    workspace_id = control.first_run.workspace_id
    judged = opened = 0
    for role in ROLES:
        for number, (resources, is_all, is_named) in enumerate(forms(role, given, elsewhere, workspace_id)):
            authorization = await token_of(control, f"{role.id}-{number}", role.id, resources)
            for case in asked:
                operation = by_id[case.operation]
                answer = await control.ask(case.method, case.path, case.body, accept=V1, authorization=authorization)
                expected = is_allowed(operation, case, role, is_all=is_all, is_named=is_named)
                told = (case.operation, role.name, resources, answer.text)
                assert answer.status_code == (418 if expected else 403), told
                judged, opened = judged + 1, opened + expected
                if not expected:
                    (error,) = answer.json()["errors"]
                    assert error["data"]["permission"] in {str(need.permission) for need in operation.needs}
    report.append(f"Permissions: {judged} requests of {len(ROLES)} roles judged, {opened} allowed.")
    assert judged > len(ROLES) * len(OPERATIONS)


async def token_of(control, name, role_id, resources):
    async with control.database.writing() as connection:
        kept = NewToken(control.first_run.workspace_id, name)
        token_id = await insert_token(connection, name, kept, control.clock.now_ms())
        meaning = (role_id, msgspec.json.encode(resources).decode())
        await insert_policies(connection, kept.workspace_id, token_id, [meaning], control.clock.now_ms())
    return f"Bearer {name}"


@pytest.mark.one_database
async def test_a_token_without_a_role_opens_nothing(control, everything):
    asked, *_ = everything
    async with control.database.writing() as connection:
        kept = NewToken(control.first_run.workspace_id, "none")
        await insert_token(connection, "none", kept, control.clock.now_ms())
    for case in asked:
        answer = await control.ask(case.method, case.path, case.body, accept=V1, authorization="Bearer none")
        assert answer.status_code == 403, case.operation


@pytest.mark.one_database
async def test_the_token_of_the_first_run_opens_everything(control, everything):
    asked, *_ = everything
    for case in asked:
        answer = await control.ask(case.method, case.path, case.body, accept=V1)
        assert answer.status_code == 418, case.operation
