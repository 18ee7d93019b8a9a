"""What a client of the Public API asks and how it reads the answer, whatever the client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.resources import slices
from tests.contract.document import Document

OFFICIAL = Document("official")
SERVED = {operation.id for operation in slices.OPERATIONS if not operation.is_ours}
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    status: int
    media_type: str
    body: Any


class Client(Protocol):
    """Sends one request as an official client does; `values` are its path and query parameters by name."""

    name: str
    writes_objects: bool
    """Whether an object in a query comes out as one that can be read."""

    def send(self, operation: str, values: dict[str, Any], body: Any) -> Answer: ...


@dataclass
class Asking:
    """A client at work: every answer is read as strictly as the Java client reads it, and every operation noted."""

    client: Client
    join: Callable[[str], str]
    """Lets somebody who is invited join, which no official client can do; returns the id."""
    served: set[str] = field(default_factory=set)
    _walked: set[str] = field(default_factory=set)

    def walk(self, flow: Callable[["Asking"], None]) -> None:
        """Go through a flow, once."""
        if flow.__name__ not in self._walked:
            flow(self)
            self._walked.add(flow.__name__)

    def __call__(self, operation: str, body: Any = None, **values: Any) -> Any:
        """The `data` of a success."""
        answer = self.client.send(operation, values, body)
        declared = OFFICIAL.operations[operation]["responses"]
        assert str(answer.status) in declared, (operation, answer)
        assert answer.status < 300, (operation, answer)
        read_strictly(operation, answer)
        self.served.add(operation)
        return answer.body["data"]

    def refused(self, operation: str, status: int, body: Any = None, **values: Any) -> list[dict[str, Any]]:
        """The errors of a refusal with this status."""
        answer = self.client.send(operation, values, body)
        assert answer.status == status, (operation, answer)
        schema = {"$ref": "#/components/schemas/RequestErrorEnvelope"}
        assert OFFICIAL.complaints(schema, answer.body, closed=True) == [], (operation, answer)
        errors: list[dict[str, Any]] = answer.body["errors"]
        return errors

    def pages(self, operation: str, items: str, count: int, cursor: str = "", **values: Any) -> list[list[Any]]:
        """Every page of a list, walked until `next` is absent."""
        found = []
        while cursor is not None:
            asked = {"count": count, "cursor": cursor} if cursor else {"count": count}
            data = self(operation, pagination=asked, **values)
            assert "next" not in data["pagination"] or data["pagination"]["next"]
            found.append(data[items])
            cursor = data["pagination"].get("next")
        return found


def read_strictly(operation: str, answer: Answer) -> None:
    """No property that is not declared, none missing that is required, every enumeration as published."""
    assert answer.media_type.startswith("application/"), (operation, answer.media_type)
    complaints = OFFICIAL.answer_complaints(operation, answer.status, answer.media_type, answer.body)
    assert complaints == [], (operation, answer.body)
