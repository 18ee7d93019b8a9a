"""Users and groups as the Terraform provider keeps them."""

from typing import Any, ClassVar

from tests.official.terraform.provider import FIRST, Resource, Values


class User(Resource):
    """An invite until somebody with its address has joined."""

    path = "/users"
    attributes = ("email", "permissions")
    sets: ClassVar[set[str]] = {"permissions"}

    def create(self, config: Values) -> Values:
        self._invite(config)
        return self._found(config) or self._pending(config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        if state.get("isInvite"):
            return self._found(state) or state
        return self.state(self.call("GET", self.one(state))["user"], config)

    def update(self, state: Values, config: Values) -> Values:
        if state.get("isInvite"):
            self.call("DELETE", "/invites", emails=[state["email"]])
            self._invite(config)
            return self._pending(config)
        self.call("PUT", f"{self.one(state)}/permissions", {"permissions": config["permissions"]})
        return self.read(state)

    def delete(self, state: Values) -> None:
        """A pending invite has no id of a user, and yet one is deleted: the empty one."""
        if state.get("isInvite"):
            self.call("DELETE", "/invites", emails=[state["email"]])
        self.call("DELETE", "/users", userIds=["" if state.get("isInvite") else state["id"]])

    def _invite(self, config: Values) -> None:
        resources = [{"id": each["id"], "type": each["type"]} for each in config["permissions"][0]["resources"]]
        permissions = [{"roleId": config["permissions"][0]["roleId"], "resources": resources, "labels": []}]
        self.call("POST", "/invites", {"invites": [{"email": config["email"], "permissions": permissions}]})

    def _found(self, config: Values) -> Values | None:
        for user in self.items(self.path, "users", FIRST):
            if user["email"] == config["email"]:
                return self.state(user, None)
        return None

    def _pending(self, config: Values) -> Values:
        return config | {"id": config["email"], "isInvite": True}

    def state(self, answer: Values, config: Values | None) -> Values:
        return super().state(answer | {"permissions": shown_permissions(answer["permissions"])}, config)


class UserGroup(Resource):
    path = "/groups"
    key = "userGroup"
    attributes = ("name", "permissions", "members")
    sets: ClassVar[set[str]] = {"permissions", "members"}

    def create(self, config: Values) -> Values:
        made = self.call("POST", self.path, {"name": config["name"]})["userGroup"]
        self.call("PUT", f"{self.one(made)}/permissions", {"permissions": config["permissions"]})
        if config["members"]:
            self.call("PUT", f"/group/{made['id']}/users", {"emails": config["members"]})
        return self.read(made, config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        found = self.call("GET", self.one(state))["userGroup"]
        users = self.call("GET", f"{self.one(state)}/users", pagination={"count": 200, "cursor": FIRST})["users"]
        invites = self.call("GET", f"{self.one(state)}/invites", pagination={"count": 200, "cursor": FIRST})["emails"]
        members = [*(each["email"] for each in users), *invites]
        return self.state(found | {"members": members}, config)

    def update(self, state: Values, config: Values) -> Values:
        self.call("PATCH", self.one(state), {"name": config["name"]})
        self.call("PUT", f"{self.one(state)}/permissions", {"permissions": config["permissions"]})
        self.call("PUT", f"/group/{state['id']}/users", {"emails": config["members"]})
        return self.read(state, config)

    def state(self, answer: Values, config: Values | None) -> Values:
        return super().state(answer | {"permissions": shown_permissions(answer["permissions"])}, config)


def shown_permissions(found: list[Any]) -> list[Values]:
    """What the provider keeps of them."""
    return [{"roleId": each["roleId"], "resources": [_resource(one) for one in each["resources"]]} for each in found]


def _resource(found: Values) -> Values:
    labels = [{"key": each["key"], "value": each["value"]} for each in found.get("labels") or []]
    shown = {"id": found["id"], "type": found["type"]}
    return shown | {"labels": labels} if labels else shown
