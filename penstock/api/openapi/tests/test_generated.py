import pytest

from penstock.api.openapi import document_of
from penstock.api.openapi.command_table import command_name, command_table
from penstock.api.openapi.python_client import client_files
from penstock.api.openapi.typed import docstring, type_of
from penstock.resources.slices import OPERATIONS


@pytest.fixture(scope="module")
def document():
    return document_of(OPERATIONS)


class TestTypes:
    @pytest.mark.parametrize(
        ("schema", "said"),
        [
            ({"type": "string"}, "str"),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
            ({"enum": ["a", "b"], "type": "string"}, 'Literal["a", "b"]'),
            ({"const": "a"}, 'Literal["a"]'),
            ({"type": "array", "items": {"$ref": "#/components/schemas/Label"}}, "list[Label]"),
            ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
            ({"type": "object", "additionalProperties": True}, "dict[str, Any]"),
            ({}, "Any"),
        ],
    )
    def test_a_schema_is_said_as_a_type(self, schema, said):
        assert type_of(schema) == said

    def test_a_long_docstring_is_wrapped_within_the_line(self):
        lines = docstring("word " * 60 + "\n\nAnother.", "    ")
        assert all(len(line) <= 120 for line in lines)
        assert lines[-3:] == ["", "    Another.", '    """']


class TestCommands:
    @pytest.mark.parametrize(
        ("slug", "operation", "name"),
        [
            ("sources", "listSources", "list"),
            ("sources", "addLabelsToSource", "add-labels"),
            ("destination_filters", "updateFilterForDestination", "update"),
            ("destinations", "createDestinationSubscription", "create-subscription"),
            ("iam_groups", "listUsersFromUserGroup", "list-users"),
            ("warehouses", "listConnectedSourcesFromWarehouse", "list-connected-sources"),
            ("quarantine", "getQuarantinedEvent", "show"),
            ("what_if", "whatIf", "what-if"),
            ("testing", "echo", "echo"),
        ],
    )
    def test_the_group_is_not_said_again(self, slug, operation, name):
        assert command_name(slug, operation) == name

    def test_every_operation_is_a_command_and_none_hides_another(self, document):
        table = command_table(document)
        assert sum(len(group["commands"]) for group in table) == len(OPERATIONS)
        for group in table:
            names = [row["name"] for row in group["commands"]]
            assert len(names) == len(set(names))

    def test_no_flag_is_one_that_the_command_line_has_for_itself(self, document):
        for group in command_table(document):
            for row in group["commands"]:
                flags = [flag["flag"] for flag in (*row["query"], *row.get("body", []))]
                own = {"json", "url", "token", "data", "file", "help", *(["all"] if row.get("is_paged") else [])}
                assert not own & set(flags)
                assert len(flags) == len(set(flags))


class TestClient:
    def test_there_is_a_method_for_every_operation(self, document):
        text = "".join(client_files(document).values())
        assert text.count("= self._ask(") == len(OPERATIONS)

    def test_each_file_is_python_that_can_be_run(self, document):
        for name, text in client_files(document).items():
            compile(text, name, "exec")
