"""What the contract tests of one run have reached: for every operation and wire, the statuses that were judged good.

Each answer is held to our own OpenAPI document too. `docs/operations.md` is this, as a table.
"""

from collections import defaultdict
from functools import cache
from inspect import signature
from pathlib import Path

from penstock.api.openapi import document_of, tag_of
from penstock.api.versions import Contract
from penstock.resources.slices import OPERATIONS
from tests.contract.document import Document

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
COMMAND = "make operations"
WIRES = {
    "seed": "seed",
    "v1": "v1",
    "beta": "v1beta",
    "alpha": "v1alpha",
    "an official client": "official client",
}
_HEAD = """\
# Operations

<!-- Written by `make operations` from a run of tests/contract; edits here are lost. -->

Every operation of the two contracts that is served here. A cell lists the statuses that the contract tests have
reached in that profile and version, each answer valid by the contract's document and by [our own](../README.md) at
`/openapi.json`. `·` is a version that the contract does not offer (its most stable one answers there), or an operation
that the seed does not have. An official client is told by its `User-Agent`.
"""


class OwnDocument(Document):
    """Our own document, read like the contracts."""

    def __init__(self) -> None:
        found = document_of(OPERATIONS)
        shared = found["components"]["responses"]
        operations = {
            told["operationId"]: {"responses": self._responses(told["responses"], shared)}
            for methods in found["paths"].values()
            for told in methods.values()
        }
        self._hold(operations, found["components"]["schemas"], is_closed=True)

    @staticmethod
    def _responses(responses, shared):
        """Schemas by media type, by status."""
        whole = {
            status: shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            for status, each in responses.items()
        }
        return {
            status: {media_type: content["schema"] for media_type, content in each["content"].items()}
            for status, each in whole.items()
        }


@cache
def own_document():
    return OwnDocument()


class Reached:
    """Statuses by operation and wire."""

    def __init__(self) -> None:
        self._statuses: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.ran: set[tuple[str, str]] = set()
        """Tests with their wires."""

    def add(self, operation, wire, answer):
        media_type = answer.headers["content-type"].split(";")[0]
        # An official client that asks for plain JSON gets the official shape; the document tells it as the seed's.
        if wire != "an official client":
            complaints = own_document().answer_complaints(operation, answer.status_code, media_type, answer.json())
            assert complaints == [], (operation, complaints)
        self._statuses[operation, wire].add(answer.status_code)

    def is_whole(self, module):
        """Whether all tests of the module that take a wire have run on each."""
        tests = {name for name, found in module.items() if name.startswith("test_") and "wire" in arguments_of(found)}
        return self.ran == {(name, wire) for name in tests for wire in WIRES}

    def page(self, seed):
        """The page, where `seed` names the operations that the seed has."""
        operations = [each for each in OPERATIONS if not each.is_ours]
        lines = [_HEAD, "| Profile | Operations that pass |", "|---|---|"]
        for wire, name in WIRES.items():
            offered = [each for each in operations if is_offered(each, wire, seed)]
            passing = sum(any(status < 300 for status in self._statuses[each.id, wire]) for each in offered)
            lines.append(f"| {name} | {passing} / {len(offered)} |")
        names = list(WIRES.values())
        lines += ["", f"| Operation | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
        tag = ""
        for operation in operations:
            if tag != (tag := tag_of(operation).name):
                lines.append(f"| **{tag}** |{' |' * len(names)}")
            cells = [self._cell(operation, wire, seed) for wire in WIRES]
            lines.append(f"| {operation.id} | {' | '.join(cells)} |")
        return "\n".join([*lines, ""])

    def _cell(self, operation, wire, seed):
        if not is_offered(operation, wire, seed):
            return "·"
        return " ".join(map(str, sorted(self._statuses[operation.id, wire])))


def arguments_of(test):
    return signature(test).parameters


def is_offered(operation, wire, seed):
    if wire == "seed":
        return operation.id in seed
    return wire == "an official client" or Contract(WIRES[wire]) in operation.offered
