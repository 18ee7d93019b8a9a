import json

import pytest

from penstock.api.connection_settings import StoredSettings, merge
from penstock.catalog.destinations import load_destination_catalog
from penstock.infra.secrets import Sealer
from penstock.resources.catalog import destination_entry
from penstock.testing.control_plane import V1

HTTP_API = "iUM16Md8P2"
WEBHOOK = "614a3c7d791c91c41bae7599"
MASK = "••••••••"


@pytest.fixture
async def source_id(control):
    return (await control.data("POST", "/sources", {"slug": "shop", "metadataId": HTTP_API}))["source"]["id"]


async def make(control, source_id, metadata_id=WEBHOOK, **body):
    asked = {"sourceId": source_id, "metadataId": metadata_id, **body}
    return (await control.data("POST", "/destinations", asked))["destination"]


def defaults_of(entry):
    return {option.name: option.default_value for option in entry.options}


async def last_snapshot(control):
    return (await control.outbox())[-1][1]


class TestCreateDestination:
    async def test_it_is_disabled_and_has_no_name_unless_told_otherwise(self, control, source_id):
        destination = await make(control, source_id)
        assert destination["enabled"] is False
        assert "name" not in destination
        assert (await last_snapshot(control)).name == "Webhooks (Actions)"
        assert destination["sourceId"] == source_id
        assert destination["metadata"]["id"] == WEBHOOK
        assert (await last_snapshot(control)).enabled_at == 0

    async def test_delivery_is_told_names_types_and_sealed_settings(self, control, source_id):
        destination = await make(control, source_id, enabled=True, name="Hook", settings={"sharedSecret": "s3cret"})
        snapshot = await last_snapshot(control)
        assert (snapshot.id, snapshot.version, snapshot.source_id) == (destination["id"], 1, source_id)
        assert (snapshot.metadata_id, snapshot.name) == (WEBHOOK, "Hook")
        assert snapshot.integration_names == ["Webhooks (Actions)", "Webhook"]
        assert "track" in snapshot.supported_types
        assert snapshot.enabled_at == snapshot.created_at
        assert json.loads(control.sealer.open(snapshot.sealed_settings)) == {"sharedSecret": "s3cret"}

    async def test_without_automatic_presets_it_has_no_subscriptions(self, control, source_id):
        await make(control, source_id)
        assert (await last_snapshot(control)).subscriptions == []

    async def test_automatic_presets_become_enabled_subscriptions_in_their_order(self, control, source_id):
        entry = next(each for each in load_destination_catalog().values() if len(each.presets) > 2)
        destination = await make(control, source_id, entry.id)
        snapshot = await last_snapshot(control)
        assert [(each.action, each.trigger) for each in snapshot.subscriptions] == [
            (preset.action_id, preset.trigger) for preset in entry.presets
        ]
        assert all(each.enabled for each in snapshot.subscriptions)
        path = f"/destinations/{destination['id']}/subscriptions?pagination[count]=200"
        listed = (await control.data("GET", path))["subscriptions"]
        assert [each["settings"] for each in listed] == [preset.fields for preset in entry.presets]

    @pytest.mark.parametrize("field", ["sourceId", "metadataId"])
    async def test_what_does_not_exist_is_refused_by_name(self, control, source_id, field):
        body = {"sourceId": source_id, "metadataId": WEBHOOK, field: "nothing"}
        answer = await control.ask("POST", "/destinations", body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field

    @pytest.mark.one_database
    @pytest.mark.parametrize(
        "maps_by_itself", [True, pytest.param(False, marks=pytest.mark.torture)], ids=["presets", "no presets"]
    )
    async def test_every_destination_of_the_catalog_can_be_made(self, control, source_id, maps_by_itself):
        for entry in load_destination_catalog().values():
            if bool(entry.presets) is maps_by_itself:
                destination = await make(control, source_id, entry.id, settings=defaults_of(entry))
                assert destination["metadata"]["id"] == entry.id

    def test_every_destination_of_the_catalog_takes_its_own_defaults(self):
        for entry in load_destination_catalog().values():
            merge(StoredSettings(), defaults_of(entry), destination_entry(entry.id).options, Sealer(b"k" * 32))

    async def test_one_whose_code_is_not_published_takes_no_type_of_event(self, control, source_id):
        classic = next(each for each in load_destination_catalog().values() if not each.traits.is_deliverable)
        await make(control, source_id, classic.id)
        assert (await last_snapshot(control)).supported_types == []

    async def test_a_setting_of_a_wrong_type_is_refused_by_name(self, control, source_id):
        body = {"sourceId": source_id, "metadataId": WEBHOOK, "settings": {"sharedSecret": {"a": 1}}}
        answer = await control.ask("POST", "/destinations", body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "settings.sharedSecret"


class TestAdmission:
    """What destinations.md §1 and §3 say of names, numbers and settings."""

    SEGMENT = next(each for each in load_destination_catalog().values() if each.slug == "actions-customerio")

    async def refusal(self, control, method, path, body):
        answer = await control.ask(method, path, body)
        assert answer.status_code == 400, answer.text
        return [(each["type"], each["field"]) for each in answer.json()["errors"]]

    async def test_an_enabled_destination_needs_its_required_settings(self, control, source_id):
        required = [option.name for option in self.SEGMENT.options if option.required and option.default_value == ""]
        assert required
        body = {"sourceId": source_id, "metadataId": self.SEGMENT.id, "enabled": True}
        expected = [("bad-request", f"settings.{name}") for name in required]
        assert await self.refusal(control, "POST", "/destinations", body) == expected
        assert (await control.data("GET", "/destinations"))["destinations"] == []
        settings = dict.fromkeys(required, "x")
        assert (await control.data("POST", "/destinations", body | {"settings": settings}))["destination"]["enabled"]

    async def test_a_disabled_one_may_be_set_up_step_by_step(self, control, source_id):
        destination = await make(control, source_id, self.SEGMENT.id)
        path = f"/destinations/{destination['id']}"
        refused = await self.refusal(control, "PATCH", path, {"enabled": True})
        settings = {field.removeprefix("settings."): "x" for _, field in refused}
        await control.data("PATCH", path, {"settings": settings})
        assert (await control.data("PATCH", path, {"enabled": True}))["destination"]["enabled"]
        assert await self.refusal(control, "PATCH", path, {"settings": dict.fromkeys(settings)}) == refused
        await control.data("PATCH", path, {"enabled": False, "settings": dict.fromkeys(settings)})

    async def test_a_required_setting_with_a_default_reaches_delivery_and_is_not_read_back(self, control, source_id):
        entry = next(
            each
            for each in load_destination_catalog().values()
            if any(option.required and option.type == "select" and option.default_value for option in each.options)
        )
        destination = await make(control, source_id, entry.id)
        assert destination["settings"] == {}
        sealed = json.loads(control.sealer.open((await last_snapshot(control)).sealed_settings))
        option = next(each for each in entry.options if each.type == "select" and each.required and each.default_value)
        assert sealed[option.name] == option.default_value

    async def test_two_of_one_name_are_refused_and_unnamed_ones_are_not(self, control, source_id):
        first = await make(control, source_id, name="Hook")
        await make(control, source_id)
        other = await make(control, source_id)
        body = {"sourceId": source_id, "metadataId": WEBHOOK, "name": "Hook"}
        assert await self.refusal(control, "POST", "/destinations", body) == [("bad-request", "name")]
        path = f"/destinations/{other['id']}"
        assert await self.refusal(control, "PATCH", path, {"name": "Hook"}) == [("bad-request", "name")]
        await control.data("PATCH", f"/destinations/{first['id']}", {"name": "Hook"})
        elsewhere = (await control.data("GET", "/sources"))["sources"][0]["id"]
        await make(control, elsewhere, name="Hook")

    async def test_a_source_has_at_most_25_of_one_kind(self, control, source_id):
        for _ in range(25):
            await make(control, source_id)
        body = {"sourceId": source_id, "metadataId": WEBHOOK}
        assert await self.refusal(control, "POST", "/destinations", body) == [("bad-request", "metadataId")]
        await make(control, source_id, self.SEGMENT.id)


class TestUpdateDestination:
    async def test_a_secret_is_masked_and_sending_the_mask_back_keeps_it(self, control, source_id):
        destination = await make(control, source_id, settings={"sharedSecret": "s3cret"})
        assert destination["settings"] == {"sharedSecret": MASK}
        path = f"/destinations/{destination['id']}"
        changed = (await control.data("PATCH", path, {"settings": destination["settings"]}))["destination"]
        assert changed["settings"] == {"sharedSecret": MASK}
        snapshot = await last_snapshot(control)
        assert json.loads(control.sealer.open(snapshot.sealed_settings)) == {"sharedSecret": "s3cret"}
        removed = (await control.data("PATCH", path, {"settings": {"sharedSecret": None}}))["destination"]
        assert removed["settings"] == {}

    @pytest.mark.one_database
    async def test_no_secret_stands_in_the_database_in_the_clear(self, control, source_id, tmp_path):
        await make(control, source_id, settings={"sharedSecret": "s3cret-value"})
        await control.database.close()
        assert not any(b"s3cret-value" in file.read_bytes() for file in tmp_path.iterdir())

    async def test_the_time_of_being_enabled_moves_only_when_it_was_disabled(self, control, source_id):
        path = f"/destinations/{(await make(control, source_id))['id']}"
        await control.data("PATCH", path, {"enabled": True})
        first = await last_snapshot(control)
        assert first.enabled_at > first.created_at
        await control.data("PATCH", path, {"enabled": True, "name": "x"})
        second = await last_snapshot(control)
        assert (second.enabled_at, second.name, second.version) == (first.enabled_at, "x", 3)
        await control.data("PATCH", path, {"enabled": False})
        await control.data("PATCH", path, {"enabled": True})
        assert (await last_snapshot(control)).enabled_at > first.enabled_at

    async def test_a_null_name_removes_it_officially(self, control, source_id):
        path = f"/destinations/{(await make(control, source_id, name='x'))['id']}"
        changed = (await control.data("PATCH", path, {"name": None}, accept=V1))["destination"]
        assert "name" not in changed
        assert (await control.ask("PATCH", path, {"name": None})).status_code == 400


class TestDeleteDestination:
    async def test_it_is_buried_and_its_subscriptions_are_gone(self, control, source_id):
        entry = next(each for each in load_destination_catalog().values() if each.presets)
        destination = await make(control, source_id, entry.id)
        assert await control.data("DELETE", f"/destinations/{destination['id']}") == {"status": "SUCCESS"}
        envelope, _ = (await control.outbox())[-1]
        assert (envelope.id, envelope.version, envelope.is_deleted) == (destination["id"], 2, True)
        answer = await control.ask("GET", f"/destinations/{destination['id']}/subscriptions")
        assert answer.status_code == 404

    async def test_a_source_takes_its_destinations_along_and_they_are_buried_first(self, control, source_id):
        made = [(await make(control, source_id))["id"] for _ in range(2)]
        other = await make(control, (await control.data("GET", "/sources"))["sources"][0]["id"])
        before = len(await control.outbox())
        await control.data("DELETE", f"/sources/{source_id}")
        buried = [envelope.id for envelope, _ in (await control.outbox())[before:]]
        assert (set(buried[:2]), buried[2]) == (set(made), source_id)
        assert [each["id"] for each in (await control.data("GET", "/destinations"))["destinations"]] == [other["id"]]


class TestListDestinations:
    async def test_pages_follow_one_another(self, control, source_id):
        made = [(await make(control, source_id, name=str(number)))["id"] for number in range(5)]
        seen, cursor = [], "MA=="
        while cursor:
            page = {"count": 2, "cursor": cursor}
            data = await control.data("GET", f"/destinations?pagination={json.dumps(page)}", accept=V1)
            seen += [each["id"] for each in data["destinations"]]
            cursor = data["pagination"].get("next")
        assert seen == made


async def test_the_destinations_of_a_source_are_listed_page_by_page(control):
    made = {}
    for slug in ("one", "two"):
        source = (await control.data("POST", "/sources", {"slug": slug, "metadataId": "iUM16Md8P2"}))["source"]
        for name in ("A", "B", "C"):
            asked = {"sourceId": source["id"], "metadataId": "614a3c7d791c91c41bae7599", "name": name}
            destination = (await control.data("POST", "/destinations", asked))["destination"]
            made.setdefault(source["id"], []).append(destination["id"])
    for source_id, ids in made.items():
        seen, query = [], "pagination[count]=2"
        while query:
            page = await control.data("GET", f"/sources/{source_id}/connected-destinations?{query}")
            assert page["pagination"]["totalEntries"] == 3
            seen += [each["id"] for each in page["destinations"]]
            cursor = page["pagination"].get("next")
            query = f"pagination[count]=2&pagination[cursor]={cursor}" if cursor else ""
        assert seen == ids
