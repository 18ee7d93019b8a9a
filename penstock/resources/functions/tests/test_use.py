"""What others see of functions: destinations that are made of them, and what the data plane is told."""

import pytest

from penstock.resources import slices
from penstock.spec.snapshot import SnapshotKind
from penstock.testing.control_plane import ALPHA, V1

CODE = "async function onTrack(event, settings) {}"
KEY = {"name": "apiKey", "label": "Key", "description": "", "type": "STRING", "required": True, "sensitive": True}
TAGS = KEY | {"name": "tags", "type": "ARRAY", "required": False, "sensitive": False}
SETTINGS = {"apiKey": "s3cret", "tags": ["a"]}


@pytest.fixture
async def function(control):
    asked = {"code": CODE, "displayName": "Mine", "resourceType": "DESTINATION", "settings": [KEY, TAGS]}
    return (await control.data("POST", "/functions", asked, accept=V1))["function"]


@pytest.fixture
async def source(control):
    return (await control.data("GET", "/sources"))["sources"][0]["id"]


async def make(control, source, metadata_id, **changes):
    asked = {"sourceId": source, "metadataId": metadata_id, "settings": SETTINGS, "enabled": True} | changes
    return (await control.data("POST", "/destinations", asked, accept=V1))["destination"]


async def published(control, kind):
    """The newest of that kind in the outbox, and what the rows would tell of it."""
    found = [(envelope, snapshot) for envelope, snapshot in await control.outbox() if envelope.kind == kind]
    _envelope, snapshot = found[-1]
    if snapshot is not None:
        async with control.database.reading() as connection:
            rows = {(kind, one.id): one for kind, one in await slices.select_snapshots(connection, control.sealer)}
        row = rows[kind, snapshot.id]
        if kind is SnapshotKind.DESTINATION:
            assert control.sealer.open(row.sealed_settings) == control.sealer.open(snapshot.sealed_settings)
            assert (row.function_id, row.insertion, row.subscriptions, row.integration_names, row.version) == (
                snapshot.function_id,
                snapshot.insertion,
                snapshot.subscriptions,
                snapshot.integration_names,
                snapshot.version,
            )
        else:
            assert row == snapshot
    return snapshot


class TestDestination:
    async def test_a_destination_is_made_of_a_function(self, control, function, source):
        made = await make(control, source, function["catalogId"])
        assert made["settings"] == {"apiKey": "••••••••", "tags": ["a"]}
        assert made["metadata"]["id"] == function["catalogId"]
        assert made["metadata"]["name"] == "Mine (Test workspace)"
        assert [option["name"] for option in made["metadata"]["options"]] == ["apiKey", "tags"]
        assert (await control.data("GET", f"/destinations/{made['id']}", accept=V1))["destination"] == made
        assert made in (await control.data("GET", "/destinations", accept=V1))["destinations"]

    async def test_the_functions_own_id_names_it_too_for_the_plain_contract_tells_no_other(
        self, control, function, source
    ):
        made = await make(control, source, function["id"])
        assert made["metadata"]["id"] == function["catalogId"]
        told = await published(control, SnapshotKind.DESTINATION)
        assert (told.metadata_id, told.function_id) == (function["catalogId"], function["id"])

    async def test_the_data_plane_is_told_of_both(self, control, function, source):
        made = await make(control, source, function["catalogId"])
        told = await published(control, SnapshotKind.DESTINATION)
        assert (told.id, told.function_id, told.integration_names) == (
            made["id"],
            function["id"],
            ["Mine (Test workspace)"],
        )
        (subscription,) = told.subscriptions
        assert (subscription.enabled, subscription.takes_batches) == (True, False)
        assert control.sealer.open(told.sealed_settings) == b'{"apiKey":"s3cret","tags":["a"]}'
        known = await published(control, SnapshotKind.FUNCTION)
        assert (known.id, known.kind, known.code, known.version) == (function["id"], "DESTINATION", CODE, 1)

    async def test_what_runs_is_what_was_deployed_and_before_that_the_newest(self, control, function):
        path = f"/functions/{function['id']}"
        await control.data("PATCH", path, {"code": "// 2"})
        assert (await published(control, SnapshotKind.FUNCTION)).code == "// 2"
        await control.data("POST", f"{path}/deploy")
        await control.data("PATCH", path, {"code": "// 3"})
        assert (await published(control, SnapshotKind.FUNCTION)).code == "// 2"
        await control.data("POST", f"{path}/deploy")
        told = await published(control, SnapshotKind.FUNCTION)
        assert (told.code, told.version) == ("// 3", 5)
        await control.data("POST", f"{path}/deploy")
        again = await published(control, SnapshotKind.FUNCTION)
        assert again.code == "// 3"
        assert again.deployed_at > told.deployed_at > 0, "who deploys the same has it started anew"

    async def test_what_is_required_and_what_is_secret_is_told_with_the_version_that_runs(self, control, function):
        path = f"/functions/{function['id']}"
        told = await published(control, SnapshotKind.FUNCTION)
        assert (told.required, told.sensitive) == (("apiKey",), ("apiKey",))
        await control.data("POST", f"{path}/deploy")
        await control.data("PATCH", path, {"settings": [KEY | {"sensitive": False}, TAGS | {"required": True}]})
        told = await published(control, SnapshotKind.FUNCTION)
        assert (told.required, told.sensitive) == (("apiKey",), ("apiKey",))
        await control.data("POST", f"{path}/deploy")
        told = await published(control, SnapshotKind.FUNCTION)
        assert (told.required, told.sensitive) == (("apiKey", "tags"), ())

    async def test_a_function_that_changes_changes_its_destinations(self, control, function, source):
        await make(control, source, function["catalogId"])
        changes = {"displayName": "Other", "code": "function onBatch() {}"}
        await control.data("PATCH", f"/functions/{function['id']}", changes)
        told = await published(control, SnapshotKind.DESTINATION)
        assert told.integration_names == ["Other (Test workspace)"]
        assert told.subscriptions[0].takes_batches

    async def test_settings_are_those_that_the_function_declares(self, control, function, source):
        asked = {"sourceId": source, "metadataId": function["catalogId"], "settings": {"tags": "a"}, "enabled": True}
        answer = await control.ask("POST", "/destinations", asked, accept=V1)
        assert answer.json()["errors"][0]["field"] == "settings.tags"
        answer = await control.ask("POST", "/destinations", asked | {"settings": {}}, accept=V1)
        assert answer.json()["errors"][0]["field"] == "settings.apiKey"

    async def test_nobody_maps_a_function(self, control, function, source):
        made = await make(control, source, function["catalogId"])
        asked = {"name": "n", "actionId": "function", "trigger": 'type = "track"', "enabled": True, "settings": {}}
        answer = await control.ask("POST", f"/destinations/{made['id']}/subscriptions", asked)
        assert answer.json()["errors"][0]["field"] == "actionId"

    async def test_a_function_stays_while_a_destination_is_made_of_it(self, control, function, source):
        made = await make(control, source, function["catalogId"])
        path = f"/functions/{function['id']}"
        assert (await control.ask("DELETE", path, accept=V1)).status_code == 422
        await control.data("DELETE", f"/destinations/{made['id']}")
        await control.data("DELETE", path)
        assert await published(control, SnapshotKind.FUNCTION) is None

    @pytest.mark.parametrize("kind", ["SOURCE", "INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION"])
    async def test_no_other_kind_is_a_destination(self, control, source, kind):
        asked = {"code": CODE, "displayName": "n", "resourceType": kind}
        other = (await control.data("POST", "/functions", asked, accept=V1))["function"]
        asked = {"sourceId": source, "metadataId": other["catalogId"], "settings": {}}
        answer = await control.ask("POST", "/destinations", asked, accept=V1)
        assert answer.json()["errors"][0]["field"] == "metadataId"


class TestInsertion:
    @pytest.fixture
    async def attached(self, control, source):
        asked = {"code": CODE, "displayName": "n", "resourceType": "INSERT_DESTINATION", "settings": [KEY, TAGS]}
        function = (await control.data("POST", "/functions", asked, accept=V1))["function"]
        destination = await make(control, source, "614a3c7d791c91c41bae7599", settings={})
        asked = {"functionId": function["id"], "integrationId": destination["id"], "name": "n", "settings": SETTINGS}
        return (await control.data("POST", "/insert-function-instances", asked | {"enabled": True}, accept=ALPHA))[
            "insertFunctionInstance"
        ]

    async def test_it_stands_in_the_snapshot_of_its_destination_while_it_is_enabled(self, control, attached):
        told = (await published(control, SnapshotKind.DESTINATION)).insertion
        assert told.function_id.removeprefix("ifnd_") == attached["classId"]
        assert told.settings == b'{"apiKey":null,"tags":["a"]}'
        assert control.sealer.open(told.sealed_secrets) == b'{"apiKey":"s3cret"}'
        path = f"/insert-function-instances/{attached['id']}"
        await control.data("PATCH", path, {"settings": {}, "enabled": False}, accept=ALPHA)
        assert (await published(control, SnapshotKind.DESTINATION)).insertion is None
        await control.data("PATCH", path, {"settings": {}, "enabled": True}, accept=ALPHA)
        await control.data("DELETE", path, accept=ALPHA)
        assert (await published(control, SnapshotKind.DESTINATION)).insertion is None
