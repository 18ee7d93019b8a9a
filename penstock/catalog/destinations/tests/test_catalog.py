import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from penstock.catalog.destinations import SUPPORTED_TYPES, load_destination_catalog
from penstock.catalog.destinations.unpublished import NOT_DELIVERED

SCHEMA = json.loads((Path(__file__).parent / "metadata-schema.json").read_text())
CATALOG = load_destination_catalog()
WEBHOOK = "614a3c7d791c91c41bae7599"
AMPLITUDE = "5f7dd6d21ad74f3842b1fc47"


def schema_without_extras():
    closed = json.loads(json.dumps(SCHEMA))
    for definition in closed["definitions"].values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    return jsonschema_rs.Draft7Validator(closed)


class TestCatalog:
    def test_all_cloud_destinations_of_the_package_are_there(self):
        assert sum(item.traits.is_deliverable for item in CATALOG.values()) == 214
        assert sum(len(item.actions) for item in CATALOG.values()) == 601

    def test_every_entry_is_what_the_contract_declares_and_nothing_else(self):
        validator = schema_without_extras()
        for item in CATALOG.values():
            errors = [
                f"{item.slug} {error.instance_path}: {error.message}" for error in validator.iter_errors(item.to_api())
            ]
            assert errors == []

    def test_reading_it_again_costs_nothing(self):
        assert load_destination_catalog() is CATALOG

    def test_it_cannot_be_changed(self):
        with pytest.raises(TypeError):
            CATALOG["x"] = None
        with pytest.raises(AttributeError):
            CATALOG[WEBHOOK].name = "x"

    def test_names_and_slugs_are_never_empty(self):
        assert all(item.name and item.slug for item in CATALOG.values())

    def test_what_has_no_code_says_so(self):
        without = [item for item in CATALOG.values() if not item.traits.is_deliverable]
        assert len(without) == 371
        assert all(NOT_DELIVERED in item.description and not item.actions for item in without)
        amplitude = next(item for item in without if item.name == "Amplitude")
        assert {"apiKey", "secretKey"} <= {option.name for option in amplitude.options}

    @pytest.mark.parametrize("key", ["id", "slug"])
    def test_ids_and_slugs_are_unique(self, key):
        values = [getattr(item, key) for item in CATALOG.values()]
        assert sorted(set(values)) == sorted(values)


class TestEntry:
    def test_the_display_name_and_earlier_names_are_keys_of_the_integrations_object(self):
        assert CATALOG[WEBHOOK].integration_names == ["Webhooks (Actions)", "Webhook"]
        assert CATALOG[AMPLITUDE].integration_names == ["Amplitude (Actions)", "Actions Amplitude"]

    def test_an_action_is_known_by_its_key(self):
        action = CATALOG[WEBHOOK].action("send")
        assert (action.id, action.slug, action.name) == ("send", "send", "Send")
        assert CATALOG[WEBHOOK].action("nothing") is None

    def test_the_webhook_lists_the_fields_of_the_published_catalogue(self):
        fields = CATALOG[WEBHOOK].action("send").fields
        assert [field.field_key for field in fields] == [
            "url",
            "method",
            "batch_size",
            "headers",
            "data",
            "enable_batching",
        ]
        assert [field.sort_order for field in fields] == list(range(6))

    def test_settings_say_what_is_secret(self):
        assert CATALOG[WEBHOOK].traits.secret_options == ["sharedSecret"]
        assert CATALOG[WEBHOOK].option("sharedSecret").type == "password"

    def test_a_select_has_its_choices_beside_the_options(self):
        amplitude = CATALOG[AMPLITUDE]
        assert amplitude.option("endpoint").type == "select"
        assert [choice.value for choice in amplitude.traits.option_choices["endpoint"]] == ["north_america", "europe"]

    def test_presets_name_an_action_and_a_trigger(self):
        for item in CATALOG.values():
            for preset in item.presets:
                assert item.action(preset.action_id) is not None
                assert preset.trigger
        assert sum(1 for item in CATALOG.values() if item.presets) == 101
        assert sum(len(item.presets) for item in CATALOG.values()) == 418

    def test_batching_is_offered_where_the_action_can(self):
        for item in CATALOG.values():
            for slug in item.traits.batch_actions:
                keys = [field.field_key for field in item.action(slug).fields]
                assert keys.count("enable_batching") <= 1

    def test_a_field_without_default_has_no_such_key(self):
        url = CATALOG[WEBHOOK].action("send").fields[0]
        assert "defaultValue" not in msgspec.to_builtins(url)

    def test_field_ids_are_unique_and_stay(self):
        ids = [field.id for item in CATALOG.values() for action in item.actions for field in action.fields]
        assert len(set(ids)) == len(ids)
        assert CATALOG[WEBHOOK].action("send").fields[0].id == "528697712ada2602eff4de"

    def test_actions_destinations_take_every_type(self):
        assert set(SUPPORTED_TYPES) == {"track", "identify", "page", "screen", "group", "alias"}
