import re

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from penstock.api.openapi import document_of
from penstock.api.versions import Contract
from penstock.resources.slices import OPERATIONS


@pytest.fixture(scope="module")
def document():
    return document_of(OPERATIONS)


@pytest.fixture(scope="module")
def described(document):
    """(path, method, operation object) by operation id."""
    return {
        each["operationId"]: (path, method, each)
        for path, methods in document["paths"].items()
        for method, each in methods.items()
    }


def test_it_is_valid_openapi(document):
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_schema_is_valid_by_the_meta_schema(document):
    for name, schema in document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema), name


def test_every_operation_is_told_once_with_its_declarations(described):
    assert set(described) == {operation.id for operation in OPERATIONS}
    for operation in OPERATIONS:
        path, method, told = described[operation.id]
        assert (path in operation.paths, method.upper()) == (True, operation.method)
        assert told["x-permissions"] == [need.permission for need in operation.needs]
        assert told["x-rate-limit"]["requests"] == operation.limit.requests
        assert told["x-versions"] == list(operation.offered)
        assert told["summary"], operation.id
        assert str(operation.status(Contract.SEED)) in told["responses"]
        assert str(operation.status(operation.offered[0])) in told["responses"]
        assert {"400", "401", "403", "422", "429", "500"} <= set(told["responses"])
        assert ("503" in told["responses"]) == (operation.asks is not None)


def test_every_parameter_of_a_path_is_declared(described):
    for path, _, told in described.values():
        declared = [each["name"] for each in told["parameters"] if each.get("in") == "path"]
        assert declared == re.findall(r"{(\w+)}", path)


def test_every_name_of_a_schema_is_plain(document):
    for name in document["components"]["schemas"]:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", name), name


def test_answers_promise_no_defaults_and_nothing_repeats_its_name(document):
    schemas = document["components"]["schemas"]
    assert "default" not in schemas["Source"]["properties"]["name"]
    assert "title" not in schemas["Source"]
    assert "title" in schemas["CreateFilter"]["properties"]
    assert schemas["CreateSourceSeed"]["properties"]["enabled"]["default"] is True
    assert "default" not in schemas["UpdateSource"]["properties"]["enabled"]


@pytest.mark.one_database
async def test_anybody_may_read_it_and_it_is_known_again(control):
    first = await control.client.get("/openapi.json")
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert first.json()["openapi"] == "3.1.0"
    again = await control.client.get("/openapi.json", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
