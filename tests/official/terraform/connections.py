"""Sources, destinations and warehouses, and what connects them, as the Terraform provider keeps them."""

from typing import Any, ClassVar

from tests.official.terraform.provider import FIRST, Gone, Resource, Values, merged, with_nulls


class Source(Resource):
    path = "/sources"
    key = "source"
    attributes = ("slug", "name", "enabled", "metadataId", "settings", "labels")
    computed: ClassVar[set[str]] = {"name", "settings"}
    sets: ClassVar[set[str]] = {"labels"}

    def create(self, config: Values) -> Values:
        asked = {name: config[name] for name in ("slug", "enabled", "metadataId", "settings")}
        made = self.call("POST", self.path, asked | {"disconnectAllWarehouses": True})["source"]
        if "name" in config:
            made["name"] = self.call("PATCH", self.one(made), {"name": config["name"]})["source"]["name"]
        self._label(made, config)
        return self.state(made | {"labels": config.get("labels")}, config)

    def update(self, state: Values, config: Values) -> Values:
        remote = self.call("GET", self.one(state))["source"]["settings"]
        asked = {name: config[name] for name in ("slug", "enabled", "name") if name in config}
        asked["settings"] = with_nulls(remote, config["settings"])
        changed = self.call("PATCH", self.one(state), asked)["source"]
        self._label(state, config)
        return self.state(changed | {"labels": config.get("labels")}, config)

    def _label(self, state: Values, config: Values) -> None:
        if config.get("labels"):
            self.call("PUT", f"{self.one(state)}/labels", {"labels": config["labels"]})

    def state(self, answer: Values, config: Values | None) -> Values:
        labels = [{"key": each["key"], "value": each["value"]} for each in answer["labels"] or []] or None
        shown = answer | {"metadataId": answer["metadata"]["id"], "labels": labels}
        return super().state(shown, config) | {"metadata": answer["metadata"]}


class Destination(Resource):
    path = "/destinations"
    key = "destination"
    attributes = ("sourceId", "metadataId", "enabled", "name", "settings")

    def update(self, state: Values, config: Values) -> Values:
        asked = {"name": config.get("name"), "enabled": config["enabled"], "settings": config["settings"]}
        return self.state(self.call("PATCH", self.one(state), asked)["destination"], config)

    def state(self, answer: Values, config: Values | None) -> Values:
        shown = answer | {"metadataId": answer["metadata"]["id"]}
        return super().state(shown, config) | {"metadata": answer["metadata"]}


class Subscription(Resource):
    attributes = (
        "destinationId",
        "name",
        "enabled",
        "actionId",
        "trigger",
        "modelId",
        "settings",
        "reverseETLSchedule",
    )

    def one(self, state: Values) -> str:
        return f"/destinations/{state['destinationId']}/subscriptions/{state['id']}"

    def create(self, config: Values) -> Values:
        made = self.call("POST", f"/destinations/{config['destinationId']}/subscriptions", _without(config))
        return self.update(made["destinationSubscription"], config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        return self.state(self.call("GET", self.one(state))["subscription"], config)

    def update(self, state: Values, config: Values) -> Values:
        asked = {name: config[name] for name in ("name", "trigger", "enabled", "settings")}
        return self.state(self.call("PATCH", self.one(state), {"input": asked})["subscription"], config)

    def identity(self, state: Values) -> Values:
        return {name: state[name] for name in ("destinationId", "id")}

    def state(self, answer: Values, config: Values | None) -> Values:
        return super().state(answer | {"modelId": answer.get("modelId") or None}, config)


class Filter(Resource):
    key = "filter"
    attributes = ("destinationId", "sourceId", "if", "title", "description", "enabled", "actions")
    sets: ClassVar[set[str]] = {"actions"}

    def one(self, state: Values) -> str:
        return f"/destination/{state['destinationId']}/filters/{state['id']}"

    def create(self, config: Values) -> Values:
        made = self.call("POST", f"/destination/{config['destinationId']}/filters", _without(config))
        return self.state(made["filter"], config)

    def update(self, state: Values, config: Values) -> Values:
        asked = {name: config.get(name) for name in ("if", "title", "enabled", "description", "actions")}
        return self.state(self.call("PATCH", self.one(state), asked)["filter"], config)

    def identity(self, state: Values) -> Values:
        return {name: state[name] for name in ("destinationId", "id")}


class Warehouse(Resource):
    path = "/warehouses"
    key = "warehouse"
    attributes = ("metadataId", "enabled", "name", "settings")
    computed: ClassVar[set[str]] = {"name"}

    def create(self, config: Values) -> Values:
        return self.state(self.call("POST", self.path, config | {"disconnectAllSources": True})["warehouse"], config)

    def update(self, state: Values, config: Values) -> Values:
        remote = self.call("GET", self.one(state))["warehouse"]["settings"]
        asked = {"name": config.get("name", ""), "enabled": config["enabled"]}
        asked["settings"] = with_nulls(remote, config["settings"])
        return self.state(self.call("PATCH", self.one(state), asked)["warehouse"], config)

    def state(self, answer: Values, config: Values | None) -> Values:
        settings = dict(answer["settings"])
        shown = answer | {"metadataId": answer["metadata"]["id"], "name": settings.pop("name", None)}
        if config is not None:
            settings = merged(settings, config["settings"])
            settings |= {name: value for name, value in config["settings"].items() if name == "password"}
        return super().state(shown | {"settings": settings}, None) | {"metadata": answer["metadata"]}


class WarehouseConnection(Resource):
    attributes = ("sourceId", "warehouseId")

    def one(self, state: Values) -> str:
        return f"/warehouses/{state['warehouseId']}/connected-sources/{state['sourceId']}"

    def create(self, config: Values) -> Values:
        self.call("POST", self.one(config))
        return dict(config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        del config
        warehouses = self.items(f"/sources/{state['sourceId']}/connected-warehouses", "warehouses", FIRST)
        if state["warehouseId"] in [each["id"] for each in warehouses]:
            return state
        raise Gone(self.one(state))

    def identity(self, state: Values) -> Values:
        return state


def _without(config: Values) -> dict[str, Any]:
    """What the body holds: the destination stands in the path."""
    return {name: value for name, value in config.items() if name != "destinationId"}
