"""Makes requests up from an OpenAPI document, most of them about things that exist, and judges the answers by it."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from penstock.api.roles import MEMBER_ID
from penstock.testing.setup import HTTP_API_SOURCE, WEBHOOK, create_source, create_webhook, data_of, subscribe
from tests.contract.functions import CODE
from tests.contract.governance import RULE
from tests.contract.scenario import FILTER, POSTGRES

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
WALK_CHECKS = (*CHECKS, use_after_free, ensure_resource_availability)
METADATA = {
    "createSource": HTTP_API_SOURCE,
    "createDestination": WEBHOOK,
    "createWarehouse": POSTGRES,
    "createValidationInWarehouse": POSTGRES,
}
KNOWN = 0.9
"""How often a field gets the value of something that exists, where there is one."""


def bounded(examples: int, **others: Any) -> settings:
    """The same requests in every run, none of them remembered."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **others,
    )


class Generated:
    """A document, and an instance that should behave as it says."""

    def __init__(self, document: dict[str, Any], api: httpx.Client, headers: dict[str, str]) -> None:
        # Tokens are left alone: one of them is that with which it asks.
        self.schema = schemathesis.openapi.from_dict(document).exclude(operation_id="deleteToken")
        self.schema.config.update(base_url=str(api.base_url))
        self.headers = {"Authorization": api.headers["Authorization"], **headers}
        self._random = random.Random(6)
        self._numbers = itertools.count()
        self._known = existing(api)
        for part in ("path_parameters", "query", "body"):
            self.schema.hook(f"map_{part}")(partial(self._filled))

    def complaints(self, examples: int) -> Iterator[str]:
        """What is wrong, operation by operation; what removes things comes last."""
        operations = [found.ok() for found in self.schema.get_all_operations()]
        for operation in sorted(operations, key=lambda each: each.method == "delete"):
            try:
                self._judge(operation, examples)
            except Exception as failure:  # noqa: BLE001 - every kind of failure is one to tell
                yield f"{operation.label}: {failure}"
            except BaseExceptionGroup as failures:
                yield f"{operation.label}: {failures}"

    def _judge(self, operation: Any, examples: int) -> None:
        @given(case=operation.as_strategy())
        @bounded(examples, phases=[Phase.generate])
        def judged(case: Any) -> None:
            case.call_and_validate(headers=self.headers, checks=CHECKS)

        judged()

    def walk(self, count: int, steps: int) -> None:
        """Go from one operation to others by what it has answered: what one has made, another is asked about."""
        machine, headers = self.schema.as_state_machine(), self.headers

        class Walk(machine):
            def get_call_kwargs(self, case: Any) -> dict[str, Any]:
                return {"headers": headers}

            def validate_response(self, response: Any, case: Any, additional_checks: Any = (), **others: Any) -> None:
                case.validate_response(response, checks=WALK_CHECKS, **others)

        # Such a walk cannot be repeated, because what it made is there now; what is wrong with an answer says so itself.
        with suppress(FlakyStrategyDefinition):
            Walk.run(settings=bounded(count, stateful_step_count=steps, phases=[Phase.generate]))

    def _filled(self, context: Any, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        operation = context.operation.definition.raw.get("operationId", "")
        return {name: self._value(operation, name, value) for name, value in values.items()}

    def _value(self, operation: str, name: str, value: Any) -> Any:
        if self._random.random() >= KNOWN:
            return value
        if isinstance(value, dict):
            return {inner: self._value(operation, inner, each) for inner, each in value.items()}
        if name == "metadataId":
            return METADATA.get(operation, value)
        if name in ("slug", "name", "displayName"):
            return f"made-up-{next(self._numbers)}"
        return self._known.get(name, value)


def existing(api: httpx.Client) -> dict[str, Any]:
    """Values by the names under which they are asked for: ids of one of everything, and what must be well-formed."""
    source = create_source(api, f"known-{random.getrandbits(32)}")["id"]
    destination = create_webhook(api, source)["id"]
    post: Callable[[str, Any], dict[str, Any]] = lambda path, body: data_of(api.post(path, json=body))  # noqa: E731
    function = {"code": CODE, "displayName": "Known", "resourceType": "SOURCE"}
    rules = {"name": "Known", "type": "LIVE"}
    transformation = {"name": "Known", "sourceId": source, "if": "all", "enabled": True}
    return {
        "sourceId": source,
        "destinationId": destination,
        "integrationId": destination,
        "id": subscribe(api, destination, "http://127.0.0.1:1/")["id"],
        "filterId": post(f"/destination/{destination}/filters", FILTER | {"sourceId": source})["filter"]["id"],
        "warehouseId": post("/warehouses", {"metadataId": POSTGRES, "settings": {}})["warehouse"]["id"],
        "trackingPlanId": post("/tracking-plans", rules)["trackingPlan"]["id"],
        "transformationId": post("/transformations", transformation)["transformation"]["id"],
        "functionId": post("/functions", function)["function"]["id"],
        "userGroupId": post("/groups", {"name": "Known"})["userGroup"]["id"],
        "sourceMetadataId": HTTP_API_SOURCE,
        "destinationMetadataId": WEBHOOK,
        "warehouseMetadataId": POSTGRES,
        "roleId": MEMBER_ID,
        "cursor": "MA==",
        "if": 'event = "x"',
        "trigger": 'type = "track"',
        "actionId": "send",
        "code": CODE,
        "emails": ["known@example.com"],
        "subjectIds": ["u-1"],
        "actions": FILTER["actions"],
        "rules": [RULE],
        "propertyRenames": [{"oldName": "a", "newName": "b"}],
        "propertyValueTransformations": [{"propertyPaths": ["properties.c"], "propertyValue": "d"}],
        "startTime": "2030-01-01T00:00:00Z",
        "endTime": "2030-01-01T01:00:00Z",
        "period": "2030-01-01",
    }
