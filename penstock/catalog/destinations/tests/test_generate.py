import msgspec
import pytest

from penstock.catalog.destinations.catalog import DATA
from penstock.catalog.destinations.generate import FACTS, action, generate, metadata, option, packed
from penstock.infra.http import OutboundPolicy
from penstock.js import PoolSettings, RunnerPool
from penstock.js.build import build
from penstock.js.describe import describe_all

DEFINITION = {
    "name": "Thing",
    "slug": "actions-thing",
    "supportsDelete": True,
    "authentication": {
        "scheme": "custom",
        "testsAuthentication": True,
        "fields": {
            "apiKey": {"type": "password", "required": True, "label": "API key"},
            "__segment_internal_x": {"type": "string"},
            "region": {"type": "string", "choices": ["us", {"label": "Europe", "value": "eu"}], "default": "us"},
            "debug": {"type": "boolean"},
        },
    },
    "presets": [
        {
            "type": "automatic",
            "name": "All",
            "partnerAction": "send",
            "subscribe": 'type = "track"',
            "mapping": {"a": 1},
        },
        {"type": "specificEvent", "name": "Some", "partnerAction": "send", "eventSlug": "x", "mapping": {}},
    ],
    "actions": [
        {
            "slug": "send",
            "title": "Send it",
            "hidden": False,
            "supportsBatch": True,
            "syncModes": ["add"],
            "hooks": {"onMappingSave": {"label": "Make", "inputFields": {"listName": {"type": "string"}}}},
            "fields": {
                "to": {"type": "string", "required": {"conditions": []}, "default": {"@path": "$.userId"}},
                "batch_keys": {"type": "string", "unsafe_hidden": True, "default": ["to"]},
            },
        }
    ],
}


class TestOption:
    @pytest.mark.parametrize(
        ("field", "kind", "default"),
        [
            ({"type": "string"}, "string", ""),
            ({"type": "string", "choices": ["a"]}, "select", ""),
            ({"type": "password"}, "password", ""),
            ({"type": "boolean"}, "boolean", False),
            ({"type": "number"}, "number", 0),
            ({"type": "number", "default": 5}, "number", 5),
        ],
    )
    def test_types_and_defaults_follow_the_rules(self, field, kind, default):
        made = option("x", field)
        assert (made.type, made.default_value, made.required) == (kind, default, False)


class TestAction:
    def test_fields_batching_and_hooks_are_listed_in_order(self):
        made = action("id", DEFINITION["actions"][0])
        assert [field.field_key for field in made.fields] == ["to", "enable_batching", "onMappingSave", "listName"]
        assert [field.type for field in made.fields] == ["STRING", "BOOLEAN", "OBJECT", "STRING"]

    def test_a_conditional_requirement_is_not_required(self):
        assert action("id", DEFINITION["actions"][0]).fields[0].required is False


class TestMetadata:
    def test_without_facts_the_package_speaks(self):
        made = metadata("id", DEFINITION, {})
        assert (made.name, made.slug, made.status, made.previous_names) == (
            "Thing",
            "actions-thing",
            "PRIVATE_BETA",
            [],
        )

    def test_facts_name_it_and_the_old_name_is_kept(self):
        made = metadata("id", DEFINITION, {"name": "Thing (Actions)", "slug": "thing", "previousNames": ["Thingy"]})
        assert (made.name, made.slug) == ("Thing (Actions)", "thing")
        assert made.previous_names == ["Thing", "Thingy"]

    def test_internal_settings_are_not_published(self):
        assert [one.name for one in metadata("id", DEFINITION, {}).options] == ["apiKey", "region", "debug"]

    def test_only_automatic_presets_are_listed(self):
        assert [preset.name for preset in metadata("id", DEFINITION, {}).presets] == ["All"]

    def test_traits_tell_what_the_contract_does_not(self):
        traits = metadata("id", DEFINITION, {}).traits
        assert (traits.secret_options, traits.batch_actions, traits.supports_delete) == (["apiKey"], ["send"], True)
        assert traits.hidden_defaults == {"send": {"batch_keys": ["to"]}}
        assert [choice.label for choice in traits.option_choices["region"]] == ["us", "Europe"]


async def test_the_committed_catalog_is_what_the_package_says():
    """Drift: run describe and generate again when this fails."""
    async with RunnerPool(OutboundPolicy(listens_on_loopback=False), PoolSettings(runners=1), build()) as pool:
        definitions = await describe_all(pool)
    made = generate(definitions, msgspec.json.decode(FACTS.read_bytes()))
    assert packed(made) == DATA.read_bytes()
