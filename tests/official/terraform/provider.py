"""The Terraform provider as its API sees it: its requests, how it reads answers, and when a plan is empty."""

import http.client
import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from tests.official.dialects import go_query

Values = dict[str, Any]
PAGE = 200
FIRST = "MA=="


class Gone(Exception):
    """404: the resource is dropped from the state and made again."""


class Refused(Exception):
    """Any other refusal, which ends the run."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.errors: list[Values] = body["errors"]


class Provider:
    """Sends requests under its own name. It tries again after 5xx, up to ten times: here one is a failure."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = {
            "Accept": "application/json",
            "User-Agent": "Segment (terraform 1.6.0)",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }

    def close(self) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Values:
        """The `data` of a success. Raises Gone and Refused."""
        pairs = [pair for name, value in query.items() for pair in go_query(name, value)]
        target = quote(path) + ("?" + "&".join(f"{quote(name)}={value}" for name, value in pairs) if pairs else "")
        content = json.dumps(body) if body is not None else None
        self._connection.request(method, target, content, self._headers)
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status < 500, (method, target, found)
        if answer.status == 404:
            raise Gone(target)
        if answer.status >= 300:
            raise Refused(answer.status, found)
        data: Values = found["data"]
        # A `next` that is null makes it walk for ever, or fall over.
        assert data.get("pagination", {}).get("next", "more")
        return data

    def items(self, path: str, name: str, cursor: str | None = FIRST, count: int = PAGE) -> Iterator[Any]:
        """Everything in a list, page by page."""
        while True:
            asked = {"count": count} if cursor is None else {"count": count, "cursor": cursor}
            data = self.call("GET", path, pagination=asked)
            yield from data[name]
            if "next" not in data["pagination"]:
                return
            assert data[name], "an empty last page"
            cursor = data["pagination"]["next"]


class Resource:
    """One kind of resource: the calls that the provider makes for it, in its order.

    A state holds what the provider keeps; `plan` compares it with what the user has written.
    """

    path = ""
    key = ""
    attributes: tuple[str, ...] = ()
    computed: ClassVar[set[str]] = set()
    """Those that may come filled in where the user wrote nothing."""
    sets: ClassVar[set[str]] = set()
    """Lists whose order does not count."""

    def __init__(self, provider: Provider) -> None:
        self.call = provider.call
        self.items = provider.items

    def create(self, config: Values) -> Values:
        return self.state(self.call("POST", self.path, config)[self.key], config)

    def read(self, state: Values, config: Values | None = None) -> Values:
        """Raises Gone. Without a configuration it is an import."""
        return self.state(self.call("GET", self.one(state))[self.key], config)

    def update(self, state: Values, config: Values) -> Values:
        return self.state(self.call("PATCH", self.one(state), config)[self.key], config)

    def delete(self, state: Values) -> None:
        self.call("DELETE", self.one(state))

    def identity(self, state: Values) -> Values:
        """What the user gives to an import."""
        return {"id": state["id"]}

    def one(self, state: Values) -> str:
        return f"{self.path}/{state['id']}"

    def state(self, answer: Values, config: Values | None) -> Values:
        found = {name: answer.get(name) for name in ("id", *self.attributes)}
        if config is not None and isinstance(found.get("settings"), dict):
            found["settings"] = merged(found["settings"], config.get("settings", {}))
        return found

    def plan(self, state: Values, config: Values) -> set[str]:
        """The attributes that would be changed; none means no drift."""
        changed = set()
        for name in self.attributes:
            if name not in config and (state[name] is None or name in self.computed):
                continue
            wanted, found = (
                json.dumps(self._ordered(name, each.get(name)), sort_keys=True) for each in (config, state)
            )
            if wanted != found:
                changed.add(name)
        return changed

    def _ordered(self, name: str, value: Any) -> Any:
        return sorted(value or [], key=lambda each: json.dumps(each, sort_keys=True)) if name in self.sets else value


def merged(remote: Values, written: Values) -> Values:
    """Settings after a refresh: the keys that the user wrote, secrets as the user wrote them."""
    return {
        key: written[key] if isinstance(remote[key], str) and "•" in remote[key] else remote[key]
        for key in written
        if key in remote
    }


def with_nulls(remote: Values, written: Values) -> Values:
    """Settings of an update: what the user wrote, and null for every other key that is there."""
    return {**dict.fromkeys(remote), **written}
