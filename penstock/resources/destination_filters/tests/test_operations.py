import asyncio

import pytest

from penstock.resources.destination_filters.operations import FILTER_LIMIT
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot, SnapshotKind
from penstock.testing.control_plane import V1

HTTP_API = "iUM16Md8P2"
WEBHOOK = "614a3c7d791c91c41bae7599"
ACTIONS = [
    {"type": "SAMPLE", "percent": 0.25, "path": "userId"},
    {"type": "DROP_PROPERTIES", "fields": {"": ["userId"], "properties.products": ["cost"]}},
    {"type": "ALLOW_PROPERTIES", "fields": {"traits": ["plan"]}},
]
ASKED = {"if": "  contains( event, 'x' ) ", "actions": ACTIONS, "title": "Less of it", "enabled": True}


@pytest.fixture
async def ids(control):
    source = (await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API}))["source"]
    body = {"sourceId": source["id"], "metadataId": WEBHOOK}
    destination = (await control.data("POST", "/destinations", body))["destination"]
    return {"source": source["id"], "destination": destination["id"]}


@pytest.fixture
def path(ids):
    return f"/destination/{ids['destination']}/filters"


@pytest.fixture
def asked(ids):
    return ASKED | {"sourceId": ids["source"]}


async def make(control, path, asked, **changes):
    return (await control.data("POST", path, asked | changes))["filter"]


async def told(control):
    """The filters in the last snapshot that was published."""
    envelope, snapshot = (await control.outbox())[-1]
    assert envelope.kind == SnapshotKind.DESTINATION
    return snapshot.filters


async def audit_types(control):
    async with control.database.reading() as connection:
        rows = await connection.exec_driver_sql("select type, resource_type from audit_events order by timestamp")
        return [row.type for row in rows if row.resource_type == "DESTINATION_FILTER"]


class TestCreate:
    async def test_what_was_sent_comes_back_unchanged_and_delivery_is_told(self, control, path, asked, ids):
        made = await make(control, path, asked)
        assert {name: made[name] for name in asked} == asked
        assert made["destinationId"] == ids["destination"]
        assert made["createdAt"] == made["updatedAt"]
        assert made["createdAt"].endswith("Z")
        assert "description" not in made
        assert await told(control) == [
            DestinationFilterSnapshot(
                made["id"],
                ASKED["if"],
                [
                    FilterActionSnapshot("SAMPLE", {}, 0.25, "userId"),
                    FilterActionSnapshot("DROP_PROPERTIES", {"": ["userId"], "properties.products": ["cost"]}),
                    FilterActionSnapshot("ALLOW_PROPERTIES", {"traits": ["plan"]}),
                ],
            )
        ]
        assert await audit_types(control) == ["Destination Filter Created"]

    async def test_the_number_and_the_description_are_those_that_were_sent(self, control, path, asked):
        made = await make(control, path, asked, actions=[{"type": "SAMPLE", "percent": 1}], description="")
        assert made["actions"] == [{"type": "SAMPLE", "percent": 1}]
        assert made["description"] == ""

    @pytest.mark.parametrize(
        ("spelled", "kind"),
        [
            ("drop", "DROP"),
            ("drop_event", "DROP"),
            ("Drop_Properties", "DROP_PROPERTIES"),
            ("whitelist_fields", "ALLOW_PROPERTIES"),
        ],
    )
    async def test_older_spellings_of_types_are_taken_and_told_as_the_contract_has_them(
        self, control, path, asked, spelled, kind
    ):
        action = {"type": spelled} | ({"fields": {"a": ["b"]}} if kind != "DROP" else {})
        assert (await make(control, path, asked, actions=[action]))["actions"][0]["type"] == kind

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"if": "event ="}, "if", "line 1, column 8"),
            ({"if": ""}, "if", "line 1, column 1"),
            ({"if": f"event = '{'x' * 5_200}'"}, "if", "longer than 5120 bytes"),
            ({"if": "'A' in products.$.sku"}, "if", "arrays cannot be entered"),
            ({"title": "x" * 65}, "title", "64"),
            ({"title": ""}, "title", ""),
            ({"sourceId": "another"}, "sourceId", "not the source"),
            ({"actions": []}, "actions", ""),
            ({"actions": [{"type": "ENCRYPT"}]}, "actions.0.type", "SAMPLE, DROP"),
            ({"actions": [{"type": "SAMPLE"}]}, "actions.0.percent", "is required"),
            ({"actions": [{"type": "SAMPLE", "percent": 1.5}]}, "actions.0.percent", "between 0 and 1"),
            ({"actions": [{"type": "SAMPLE", "percent": "1"}]}, "actions.0.percent", "must be a number"),
            ({"actions": [{"type": "SAMPLE", "percent": True}]}, "actions.0.percent", "must be a number"),
            ({"actions": [{"type": "SAMPLE", "percent": 1, "path": "a."}]}, "actions.0.path", "without a name"),
            ({"actions": [{"type": "DROP"}, {"type": "ALLOW_PROPERTIES"}]}, "actions.1.fields", "is required"),
            ({"actions": [{"type": "DROP", "fields": {"a": ["b"]}}]}, "actions.0.fields", "does not belong to DROP"),
            ({"actions": [{"type": "DROP_PROPERTIES", "fields": {"a": "b"}}]}, "actions.0.fields.a", "an array"),
            ({"actions": [{"type": "DROP_PROPERTIES", "fields": {"a": [1]}}]}, "actions.0.fields.a.0", "a string"),
            ({"actions": [{"type": "DROP_PROPERTIES", "fields": {"a.$.b": ["c"]}}]}, "actions.0.fields", "array"),
            ({"actions": [{"type": "DROP_PROPERTIES", "fields": {"a": ["b.$.c"]}}]}, "actions.0.fields", "array"),
            (
                {"actions": [{"type": "DROP_PROPERTIES", "fields": {"a": ["b"] * 1_001}}]},
                "actions.0.fields",
                "more than 1000",
            ),
        ],
    )
    async def test_what_cannot_act_is_refused_by_name(self, control, path, asked, change, field, message):
        before = len(await control.outbox())
        answer = await control.ask("POST", path, asked | change, accept=V1)
        assert answer.status_code == 422, answer.text
        (problem,) = answer.json()["errors"]
        assert problem["field"] == field
        assert message in problem["message"]
        assert len(await control.outbox()) == before

    async def test_a_destination_has_a_bounded_number_of_filters(self, control, path, asked):
        for _ in range(FILTER_LIMIT):
            await make(control, path, asked)
        answer = await control.ask("POST", path, asked)
        assert answer.status_code == 400
        assert f"at most {FILTER_LIMIT} filters" in answer.json()["errors"][0]["message"]

    async def test_many_clients_at_once_lose_nothing(self, control, path, asked):
        """Eleven want to be the tenth; what delivery was told last are those that are there."""
        answers = await asyncio.gather(*[control.ask("POST", path, asked | {"title": str(n)}) for n in range(11)])
        assert sorted(answer.status_code for answer in answers) == [200] * FILTER_LIMIT + [400]
        made = {answer.json()["data"]["filter"]["id"] for answer in answers if answer.status_code == 200}
        listed = [one["id"] for one in (await control.data("GET", path))["filters"]]
        assert set(listed) == made
        assert [one.id for one in await told(control)] == listed

    async def test_what_terraform_plans_is_what_it_reads(self, control, path, asked):
        """Numbers come as 32-bit floats, no description is no description, and null removes one."""
        action = {"type": "SAMPLE", "percent": 0.10000000149011612, "path": "userId"}
        made = await make(control, path, asked, actions=[action])
        plan = {name: asked[name] for name in ("if", "title", "enabled")} | {"actions": [action], "description": None}
        for _ in range(2):
            assert (await control.data("GET", f"{path}/{made['id']}"))["filter"]["actions"] == [action]
            changed = (await control.data("PATCH", f"{path}/{made['id']}", plan))["filter"]
            assert changed == made | {"updatedAt": changed["updatedAt"]}


class TestListAndGet:
    async def test_filters_are_listed_in_their_order_page_by_page(self, control, path, asked):
        made = [await make(control, path, asked, title=str(number)) for number in range(3)]
        data = await control.data("GET", f"{path}?pagination[count]=2")
        rest = await control.data("GET", f"{path}?pagination[count]=2&pagination[cursor]={data['pagination']['next']}")
        assert data["filters"] + rest["filters"] == made
        assert "next" not in rest["pagination"]

    async def test_one_of_another_destination_is_not_found(self, control, path, asked, ids):
        made = await make(control, path, asked)
        assert (await control.data("GET", f"{path}/{made['id']}"))["filter"] == made
        body = {"sourceId": ids["source"], "metadataId": WEBHOOK, "name": "other"}
        other = (await control.data("POST", "/destinations", body))["destination"]["id"]
        for method in ("GET", "DELETE", "PATCH"):
            answer = await control.ask(method, f"/destination/{other}/filters/{made['id']}", {})
            assert answer.status_code == 404


class TestUpdate:
    async def test_what_is_sent_is_changed_and_the_rest_stays(self, control, path, asked):
        made = await make(control, path, asked, description="why")
        control.clock.advance(5)
        changed = (await control.data("PATCH", f"{path}/{made['id']}", {"title": "Other", "if": "all"}))["filter"]
        assert changed == made | {"title": "Other", "if": "all", "updatedAt": changed["updatedAt"]}
        assert changed["updatedAt"] > made["updatedAt"]
        assert [one.condition for one in await told(control)] == ["all"]

    async def test_a_null_description_removes_it(self, control, path, asked):
        made = await make(control, path, asked, description="why")
        changed = (await control.data("PATCH", f"{path}/{made['id']}", {"description": None}))["filter"]
        assert "description" not in changed

    async def test_a_disabled_filter_is_not_told_and_an_enabled_one_is_again(self, control, path, asked):
        made, other = [await make(control, path, asked) for _ in range(2)]
        await control.data("PATCH", f"{path}/{made['id']}", {"enabled": False})
        assert [one.id for one in await told(control)] == [other["id"]]
        await control.data("PATCH", f"{path}/{made['id']}", {"enabled": True, "title": "t"})
        assert [one.id for one in await told(control)] == [made["id"], other["id"]]
        assert await audit_types(control) == [
            "Destination Filter Created",
            "Destination Filter Created",
            "Destination Filter Disabled",
            "Destination Filter Enabled",
            "Destination Filter Modified",
        ]

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"if": "a ="}, "if"), ({"actions": [{"type": "x"}]}, "actions.0.type"), ({"title": None}, "title")],
    )
    async def test_a_change_is_judged_like_a_new_one(self, control, path, asked, change, field):
        made = await make(control, path, asked)
        answer = await control.ask("PATCH", f"{path}/{made['id']}", change)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    async def test_the_source_cannot_be_changed(self, control, path, asked):
        made = await make(control, path, asked)
        answer = await control.ask("PATCH", f"{path}/{made['id']}", {"sourceId": asked["sourceId"]})
        assert answer.json()["errors"][0]["field"] == "sourceId"


class TestRemove:
    async def test_a_removed_filter_is_gone_and_the_others_keep_their_order(self, control, path, asked):
        made = [await make(control, path, asked, title=str(number)) for number in range(3)]
        assert await control.data("DELETE", f"{path}/{made[1]['id']}") == {"status": "SUCCESS"}
        again = await make(control, path, asked, title="3")
        assert (await control.data("GET", path))["filters"] == [made[0], made[2], again]
        assert [one.id for one in await told(control)] == [made[0]["id"], made[2]["id"], again["id"]]
        assert (await audit_types(control))[-2] == "Destination Filter Deleted"

    @pytest.mark.parametrize("what", ["destination", "source"])
    async def test_filters_go_with_their_destination(self, control, path, asked, ids, what):
        await make(control, path, asked)
        await control.data("DELETE", f"/{what}s/{ids[what]}")
        async with control.database.reading() as connection:
            rows = await connection.exec_driver_sql("select count(*) from destination_filters")
            assert rows.scalar_one() == 0


class TestSnapshots:
    async def test_any_change_of_the_destination_tells_its_filters_too(self, control, path, asked, ids):
        made = await make(control, path, asked)
        await control.data("PATCH", f"/destinations/{ids['destination']}", {"enabled": True})
        assert [one.id for one in await told(control)] == [made["id"]]

    async def test_a_repair_tells_what_the_operations_told(self, control, path, asked, ids):
        from penstock.resources.slices import select_snapshots

        await make(control, path, asked)
        await make(control, path, asked, enabled=False)
        async with control.database.reading() as connection:
            found = await select_snapshots(connection, control.sealer)
        (repaired,) = [one for kind, one in found if kind is SnapshotKind.DESTINATION and one.id == ids["destination"]]
        assert repaired.filters == await told(control)
        assert len(repaired.filters) == 1


class TestPreview:
    PAYLOAD = {"type": "track", "event": "Order Completed", "properties": {"email": "x", "total": 9, "big": 2**70}}

    async def preview(self, control, condition, *actions):
        body = {"filter": {"if": condition, "actions": list(actions)}, "payload": self.PAYLOAD}
        data = await control.data("POST", "/destination/filters/preview", body)
        assert data["inputPayload"] == self.PAYLOAD
        return data["result"]

    async def test_an_event_that_would_be_dropped_is_null(self, control):
        assert await self.preview(control, "all", {"type": "DROP"}) is None
        assert await self.preview(control, "event = 'Order Completed'", {"type": "sample", "percent": 0}) is None

    async def test_an_event_that_does_not_match_comes_back(self, control):
        assert await self.preview(control, "event = 'x'", {"type": "DROP"}) == self.PAYLOAD

    async def test_properties_go(self, control):
        action = {"type": "ALLOW_PROPERTIES", "fields": {"properties": ["total"]}}
        assert (await self.preview(control, "all", action))["properties"] == {"total": 9}

    async def test_a_condition_that_orders_texts_is_warned_of_here_and_when_it_is_saved(self, control, path, asked):
        late = {"if": "receivedAt >= '2024'"}
        body = {"filter": late | {"actions": [{"type": "DROP"}]}, "payload": self.PAYLOAD}
        previewed = await control.ask("POST", "/destination/filters/preview", body)
        made = await control.ask("POST", path, asked | late)
        one = f"{path}/{made.json()['data']['filter']['id']}"
        changed, other = await control.ask("PATCH", one, late), await control.ask("PATCH", one, {"title": "t"})
        for answer, field in ((previewed, "filter.if"), (made, "if"), (changed, "if")):
            assert answer.status_code == 200, answer.text
            assert answer.headers["Warning"].startswith(
                f"299 - \"'{field}' has receivedAt >= '2024', which is never true"
            )
        assert "Warning" not in other.headers

    async def test_a_condition_without_an_answer_drops(self, control):
        assert await self.preview(control, "properties.total and true", {"type": "DROP"}) is None

    async def test_nothing_is_stored(self, control, ids):
        before = await control.outbox()
        await self.preview(control, "all", {"type": "DROP"})
        assert await control.outbox() == before

    async def test_a_reader_may_look(self, control):
        token = await control.token_with("destination:read")
        body = {"filter": {"if": "all", "actions": [{"type": "DROP"}]}, "payload": {}}
        answer = await control.ask("POST", "/destination/filters/preview", body, authorization=token)
        assert answer.json() == {"data": {"inputPayload": {}, "result": None}}
