"""Labels, tracking plans, transformations and functions as the Terraform provider keeps them."""

from typing import ClassVar

from tests.official.terraform.provider import Gone, Resource, Values


class Label(Resource):
    path = "/labels"
    attributes = ("key", "value", "description")

    def one(self, state: Values) -> str:
        return f"/labels/{state['key']}/{state['value']}"

    def create(self, config: Values) -> Values:
        return self.state(self.call("POST", self.path, {"label": config})["label"], config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        for label in self.call("GET", self.path)["labels"]:
            if (label["key"], label["value"]) == (state["key"], state["value"]):
                return self.state(label, config)
        raise Gone(self.one(state))

    def identity(self, state: Values) -> Values:
        return {name: state[name] for name in ("key", "value")}

    def state(self, answer: Values, config: Values | None) -> Values:
        return super().state(answer | {"description": answer.get("description") or None}, config)


class TrackingPlan(Resource):
    path = "/tracking-plans"
    key = "trackingPlan"
    attributes = ("name", "type", "description", "rules")
    computed: ClassVar[set[str]] = {"description"}
    sets: ClassVar[set[str]] = {"rules"}

    def create(self, config: Values) -> Values:
        asked = {name: config[name] for name in ("name", "type", "description") if name in config}
        made = self.call("POST", self.path, asked)["trackingPlan"]
        self.call("PUT", f"{self.one(made)}/rules", {"rules": config["rules"]})
        return self.state(made | {"rules": config["rules"]}, config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        """Rules are read only where the state has none."""
        found = self.call("GET", self.one(state))["trackingPlan"]
        rules = state.get("rules") or list(self.items(f"{self.one(state)}/rules", "rules", None))
        names = ("type", "key", "jsonSchema", "version")
        shown = [{name: rule[name] for name in names if name in rule} for rule in rules]
        return self.state(found | {"rules": shown}, config)

    def update(self, state: Values, config: Values) -> Values:
        asked = {name: config[name] for name in ("name", "description") if config.get(name)}
        self.call("PATCH", self.one(state), asked)
        found = self.call("GET", self.one(state))["trackingPlan"]
        self.call("PUT", f"{self.one(state)}/rules", {"rules": config["rules"]})
        return self.state(found | {"rules": config["rules"]}, config)


class TrackingPlanConnection(Resource):
    attributes = ("sourceId", "trackingPlanId", "schemaSettings")
    computed: ClassVar[set[str]] = {"schemaSettings"}

    def create(self, config: Values) -> Values:
        """Tried again on any error, so the same may be asked twice."""
        for _ in range(2):
            self.call("POST", f"/tracking-plans/{config['trackingPlanId']}/sources", {"sourceId": config["sourceId"]})
        return self._settle(config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        del config
        found = self.call("GET", f"/sources/{state['sourceId']}")
        if found["trackingPlanId"] != state["trackingPlanId"]:
            raise Gone(state["trackingPlanId"])
        settings = self.call("GET", f"/sources/{state['sourceId']}/settings")["settings"]
        return {name: state[name] for name in ("sourceId", "trackingPlanId")} | {"schemaSettings": settings}

    def update(self, state: Values, config: Values) -> Values:
        self.read(state)
        return self._settle(config)

    def _settle(self, config: Values) -> Values:
        if "schemaSettings" in config:
            self.call("PATCH", f"/sources/{config['sourceId']}/settings", config["schemaSettings"])
        return config | {"schemaSettings": config.get("schemaSettings")}

    def plan(self, state: Values, config: Values) -> set[str]:
        """What the user left out of the settings is not managed."""
        written = config.get("schemaSettings", {})
        return super().plan(state | {"schemaSettings": _those_of(written, state["schemaSettings"])}, config)

    def delete(self, state: Values) -> None:
        self.call("DELETE", f"/tracking-plans/{state['trackingPlanId']}/sources", sourceId=state["sourceId"])

    def identity(self, state: Values) -> Values:
        return {name: state[name] for name in ("sourceId", "trackingPlanId")}


class Transformation(Resource):
    path = "/transformations"
    key = "transformation"
    attributes = (
        "name",
        "sourceId",
        "destinationMetadataId",
        "enabled",
        "if",
        "newEventName",
        "propertyRenames",
        "propertyValueTransformations",
        "fqlDefinedProperties",
    )
    sets: ClassVar[set[str]] = {"propertyRenames", "propertyValueTransformations", "fqlDefinedProperties"}


class Function(Resource):
    path = "/functions"
    key = "function"
    attributes = ("code", "displayName", "logoUrl", "resourceType", "description", "settings")
    sets: ClassVar[set[str]] = {"settings"}

    def update(self, state: Values, config: Values) -> Values:
        asked = {name: value for name, value in config.items() if name != "resourceType"}
        return self.state(self.call("PATCH", self.one(state), asked)["function"], config)

    def state(self, answer: Values, config: Values | None) -> Values:
        stable = {name: answer.get(name) for name in ("previewWebhookUrl", "catalogId")}
        return super().state(answer, config) | {"metadata": stable}


class InsertFunctionInstance(Resource):
    path = "/insert-function-instances"
    key = "insertFunctionInstance"
    attributes = ("name", "functionId", "integrationId", "enabled", "settings")

    def create(self, config: Values) -> Values:
        asked = config | {"functionId": config["functionId"].removeprefix("ifnd_")}
        return self.state(self.call("POST", self.path, asked)[self.key], config)

    def update(self, state: Values, config: Values) -> Values:
        asked = {name: config[name] for name in ("enabled", "name", "settings")}
        return self.state(self.call("PATCH", self.one(state), asked)[self.key], config)

    def state(self, answer: Values, config: Values | None) -> Values:
        """The answer has the id of the function without its prefix."""
        return super().state(answer | {"functionId": f"ifnd_{answer['classId']}"}, config)


def _those_of(written: Values, found: Values | None) -> Values | None:
    """The members of `found` that are written."""
    if found is None:
        return None
    return {
        name: _those_of(value, found[name]) if isinstance(value, dict) else found[name]
        for name, value in written.items()
        if name in found
    }
