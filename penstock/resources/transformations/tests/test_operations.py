import json

import pytest

from penstock.resources.slices import select_snapshots
from penstock.testing.control_plane import V1

WEBHOOK = "614a3c7d791c91c41bae7599"
RENAMES = [{"oldName": "rev", "newName": "revenue"}]
VALUES = [{"propertyPaths": ["properties.currency", "context.x"], "propertyValue": "EUR"}]
HASH = {"algorithm": "SHA256", "key": "s3cret", "encoding": "HEX", "paths": ["properties.card"]}


@pytest.fixture
async def asked(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return {"name": "Names", "sourceId": source["id"], "enabled": True, "if": "  event = 'order_done' "}


async def make(control, asked, **changes):
    return (await control.data("POST", "/transformations", asked | changes, accept=V1))["transformation"]


async def refusal(control, method, path, body):
    answer = await control.ask(method, path, body, accept=V1)
    assert answer.status_code in (400, 422), answer.text
    (problem,) = answer.json()["errors"]
    return answer.status_code, problem.get("field", ""), problem["message"]


class TestCreate:
    async def test_what_was_sent_comes_back_unchanged_and_nothing_else(self, control, asked):
        sent = asked | {"newEventName": "Order Completed", "propertyRenames": RENAMES, "allowProperties": []}
        made = await make(control, sent)
        assert made == sent | {"id": made["id"]}
        assert (await control.data("GET", f"/transformations/{made['id']}"))["transformation"] == made

    async def test_the_lists_of_terraform_come_back_as_lists(self, control, asked):
        empty = {"propertyRenames": [], "propertyValueTransformations": [], "fqlDefinedProperties": []}
        made = await make(control, asked | empty, destinationMetadataId=WEBHOOK)
        assert {name: made[name] for name in empty} == empty
        assert made["destinationMetadataId"] == WEBHOOK
        assert "newEventName" not in made

    async def test_the_seed_needs_a_name_and_a_source(self, control, asked):
        body = {"name": "n", "sourceId": asked["sourceId"]}
        made = (await control.data("POST", "/transformations", body))["transformation"]
        assert made == body | {"id": made["id"], "enabled": True, "if": "all"}

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"if": "event ="}, "if", "line 1, column 8"),
            ({"if": ""}, "if", "line 1, column 1"),
            ({"if": "type = 'identify'", "newEventName": "x"}, "newEventName", "tracked events"),
            ({"sourceId": "nothing"}, "sourceId", "does not exist"),
            ({"destinationMetadataId": "nothing"}, "destinationMetadataId", "catalog"),
            ({"propertyRenames": [{"oldName": "a", "newName": "b."}]}, "propertyRenames.0", "without a name"),
            ({"propertyRenames": [{"oldName": "", "newName": "b"}]}, "propertyRenames.0", "names no property"),
            (
                {"propertyValueTransformations": [{"propertyPaths": ["userId"], "propertyValue": "x"}]},
                "propertyValueTransformations.0.propertyPaths",
                "no transformation changes",
            ),
            (
                {"propertyValueTransformations": [*VALUES, *VALUES]},
                "propertyValueTransformations.1.propertyPaths",
                "a value already",
            ),
            (
                {
                    "propertyRenames": RENAMES,
                    "propertyValueTransformations": [{"propertyPaths": ["properties.rev"], "propertyValue": "x"}],
                },
                "propertyValueTransformations.0.propertyPaths",
                "is renamed",
            ),
            (
                {"fqlDefinedProperties": [{"fql": "uppercase(", "propertyName": "properties.a"}]},
                "fqlDefinedProperties.0",
                "line 1, column 11",
            ),
            (
                {"newEventName": "x", "fqlDefinedProperties": [{"fql": "event", "propertyName": "properties.a"}]},
                "fqlDefinedProperties",
                "newEventName",
            ),
            ({"fqlDefinedProperties": [{"fql": "event", "propertyName": "a"}] * 2}, "fqlDefinedProperties", "1 item"),
            ({"allowProperties": ["a..b"]}, "allowProperties", "without a name"),
            ({"hashPropertiesConfiguration": HASH | {"algorithm": "ROT13"}}, "hashPropertiesConfiguration", "ROT13"),
            ({"hashPropertiesConfiguration": HASH | {"encoding": "X"}}, "hashPropertiesConfiguration", "X is none"),
            ({"hashPropertiesConfiguration": HASH | {"paths": ["userId"]}}, "hashPropertiesConfiguration", "userId"),
        ],
    )
    async def test_what_cannot_act_is_refused_by_name(self, control, asked, change, field, message):
        status, named, told = await refusal(control, "POST", "/transformations", asked | change)
        assert (status, named) == (422, field)
        assert message in told
        assert (await control.data("GET", "/transformations"))["transformations"] == []

    async def test_conditions_and_expressions_that_order_texts_are_warned_of(self, control, asked):
        late = "receivedAt < '2024'"
        expressions = {"fqlDefinedProperties": [{"fql": late, "propertyName": "properties.late"}]}
        made = await control.ask("POST", "/transformations", asked | {"if": late} | expressions)
        assert made.status_code == 200, made.text
        told = made.headers["Warning"].split(", 299")
        assert [each.split("'")[1] for each in told] == ["if", "fqlDefinedProperties.0"]
        path = f"/transformations/{made.json()['data']['transformation']['id']}"
        assert "Warning" not in (await control.ask("PATCH", path, {"name": "m"})).headers
        assert "'if' has" in (await control.ask("PATCH", path, {"if": late})).headers["Warning"]

    @pytest.mark.parametrize("condition", ["all", "event = 'x'", "userId = 'u'", "type = 'track' or type = 'page'"])
    async def test_a_new_name_stands_behind_any_condition_that_a_tracked_event_may_meet(
        self, control, asked, condition
    ):
        assert (await make(control, asked | {"if": condition}, newEventName="x"))["newEventName"] == "x"

    async def test_one_of_a_kind_for_a_condition_and_a_scope(self, control, asked):
        made = await make(control, asked, newEventName="a")
        status, _, message = await refusal(control, "POST", "/transformations", asked | {"newEventName": "b"})
        assert status == 400
        assert made["id"] in message
        await make(control, asked, propertyRenames=RENAMES)
        await make(control, asked, newEventName="b", destinationMetadataId=WEBHOOK)
        other = await make(control, asked | {"if": "event = 'x'"}, newEventName="b")
        status, _, _ = await refusal(control, "PATCH", f"/transformations/{other['id']}", {"if": asked["if"]})
        assert status == 400

    async def test_a_condition_is_the_same_however_it_is_spelled(self, control, asked):
        await make(control, asked, newEventName="Order Completed")
        for spelled in ('event="order_done"', "event = 'order_done'"):
            body = asked | {"if": spelled, "newEventName": "Other"}
            status, _, message = await refusal(control, "POST", "/transformations", body)
            assert (status, "is there already" in message) == (400, True)
        await make(control, asked, **{"if": "event = 'order done'", "newEventName": "Other"})

    async def test_the_key_of_a_hash_is_sealed_and_never_told(self, control, asked):
        made = await make(control, asked, hashPropertiesConfiguration=HASH)
        path = f"/transformations/{made['id']}"
        masked = HASH | {"key": "••••••••"}
        assert made["hashPropertiesConfiguration"] == masked
        await control.data("PATCH", path, {"hashPropertiesConfiguration": masked | {"algorithm": "MD5"}})
        async with control.database.reading() as connection:
            row = (await connection.exec_driver_sql("select operations, sealed_hash_key from transformations")).one()
        assert "s3cret" not in row.operations
        assert control.sealer.open(row.sealed_hash_key) == b"s3cret"
        await control.data("PATCH", path, {"hashPropertiesConfiguration": {"algorithm": "MD5", "paths": []}})
        async with control.database.reading() as connection:
            rows = await connection.exec_driver_sql("select sealed_hash_key from transformations")
            assert rows.scalar_one() == b""

    @pytest.mark.parametrize(
        ("deep", "field"),
        [
            ({"propertyRenames": [*RENAMES, {"oldName": "{}", "newName": "b"}]}, "propertyRenames.1"),
            ({"propertyRenames": [{"oldName": "b", "newName": "traits.{}"}]}, "propertyRenames.0"),
            (
                {"propertyValueTransformations": [{"propertyPaths": ["context.{}"], "propertyValue": "x"}]},
                "propertyValueTransformations.0.propertyPaths",
            ),
            ({"fqlDefinedProperties": [{"fql": "event", "propertyName": "properties.{}"}]}, "fqlDefinedProperties.0"),
            ({"allowProperties": ["z", "{}"]}, "allowProperties"),
            ({"hashPropertiesConfiguration": HASH | {"paths": ["properties.{}"]}}, "hashPropertiesConfiguration"),
        ],
    )
    async def test_what_lies_deeper_than_four_levels_is_refused_by_name(self, control, asked, deep, field):
        shallow, deeper = (json.loads(json.dumps(deep).replace("{}", at)) for at in (r"a.b.c.d\\.e", "a.b.c.d.e"))
        path = f"/transformations/{(await make(control, asked, **shallow))['id']}"
        for method, where, body in (
            ("POST", "/transformations", asked | {"if": "all"} | deeper),
            ("PATCH", path, deeper),
        ):
            status, named, told = await refusal(control, method, where, body)
            assert (status, named) == (422, field)
            assert "a.b.c.d.e, which goes deeper than 4 levels" in told


class TestChange:
    async def test_what_is_sent_is_changed_and_the_rest_stays(self, control, asked):
        made = await make(control, asked, newEventName="a", propertyRenames=RENAMES)
        path = f"/transformations/{made['id']}"
        changed = await control.data("PATCH", path, {"name": "m", "enabled": False, "propertyRenames": []}, accept=V1)
        assert changed["transformation"] == made | {"name": "m", "enabled": False, "propertyRenames": []}
        assert (await control.data("PATCH", path, {}))["transformation"] == changed["transformation"]

    async def test_a_change_is_judged_with_what_stays(self, control, asked):
        made = await make(control, asked, newEventName="a")
        body = {"fqlDefinedProperties": [{"fql": "event", "propertyName": "properties.a"}]}
        status, field, _ = await refusal(control, "PATCH", f"/transformations/{made['id']}", body)
        assert (status, field) == (422, "fqlDefinedProperties")

    async def test_transformations_are_listed_page_by_page(self, control, asked):
        made = [await make(control, asked | {"name": f"{number}"}) for number in range(3)]
        data = await control.data("GET", "/transformations?pagination[count]=2")
        rest = await control.data("GET", f"/transformations?pagination.cursor={data['pagination']['next']}")
        assert data["transformations"] + rest["transformations"] == made
        assert "next" not in rest["pagination"]

    @pytest.mark.parametrize("what", ["transformation", "source"])
    async def test_a_deleted_one_is_gone_also_with_its_source(self, control, asked, what):
        made = await make(control, asked)
        path = f"/transformations/{made['id']}"
        await control.data("DELETE", path if what == "transformation" else f"/sources/{asked['sourceId']}")
        assert (await control.ask("GET", path)).status_code == 404
        assert (await control.data("GET", "/transformations"))["pagination"]["totalEntries"] == 0

    async def test_changes_are_in_the_audit_trail(self, control, asked):
        path = f"/transformations/{(await make(control, asked))['id']}"
        await control.data("PATCH", path, {"name": "m"})
        await control.data("DELETE", path)
        async with control.database.reading() as connection:
            rows = await connection.exec_driver_sql("select type from audit_events order by timestamp, id")
            types = [row.type for row in rows][-3:]
        assert types == ["Transformation Created", "Transformation Updated", "Transformation Deleted"]


class TestTheDataPlaneIsTold:
    """`outbox` gives what was published since the beginning; the last of a resource counts."""

    async def published(self, control, kind):
        told = [snapshot for envelope, snapshot in await control.outbox() if envelope.kind == kind]
        return told[-1].transformations

    async def test_one_for_everything_stands_in_its_source(self, control, asked):
        await make(control, asked, propertyRenames=RENAMES, propertyValueTransformations=VALUES, allowProperties=["a"])
        (told,) = await self.published(control, "source")
        assert told.condition == asked["if"]
        assert told.renames == [("rev", "revenue")]
        assert told.values == [("properties.currency", "EUR"), ("context.x", "EUR")]
        assert told.allowed == ["a"]

    async def test_the_key_of_a_hash_is_told_sealed(self, control, asked):
        await make(control, asked, hashPropertiesConfiguration=HASH)
        (told,) = await self.published(control, "source")
        assert control.sealer.open(told.hashed.sealed_key) == b"s3cret"

    async def test_one_for_a_type_of_destinations_stands_in_each_destination_of_that_type(self, control, asked):
        webhook = {"sourceId": asked["sourceId"], "metadataId": WEBHOOK, "settings": {}, "enabled": True, "name": "w"}
        await control.data("POST", "/destinations", webhook)
        await make(control, asked, destinationMetadataId=WEBHOOK, newEventName="Other")
        (told,) = await self.published(control, "destination")
        assert told.new_event_name == "Other"
        await control.data("POST", "/destinations", webhook | {"name": "second"})
        assert [each.new_event_name for each in await self.published(control, "destination")] == ["Other"]

    async def test_one_that_is_switched_off_moved_or_deleted_is_told_no_more(self, control, asked):
        made = await make(control, asked, newEventName="Other")
        path = f"/transformations/{made['id']}"
        await control.data("PATCH", path, {"enabled": False})
        assert await self.published(control, "source") == []
        await control.data("PATCH", path, {"enabled": True})
        assert len(await self.published(control, "source")) == 1
        await control.data("PATCH", path, {"destinationMetadataId": WEBHOOK})
        assert await self.published(control, "source") == []
        await control.data("PATCH", path, {"enabled": True})
        await control.data("DELETE", path)
        assert await self.published(control, "source") == []

    async def test_what_repair_publishes_is_what_operations_published(self, control, asked):
        await make(control, asked, newEventName="Other")
        async with control.database.reading() as connection:
            rows = await select_snapshots(connection, control.sealer)
        (source,) = [snapshot for kind, snapshot in rows if kind == "source"]
        assert source.transformations == await self.published(control, "source")
