"""What a condition says when only so much of an event is known: by its type and name most of them are settled."""

from typing import Any


class Undecided(Exception):  # noqa: N818 - it is an answer
    """An expression looks at more than is known."""


class Known(dict[str, Any]):
    """In the place of an event: to look at what it does not hold is to be told so, and not that it is null.

    What an expression looks at before it has its answer is all that the answer depends on: `and` and `or` stop early.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """Raises Undecided."""
        del default
        try:
            return self[key]
        except KeyError:
            raise Undecided from None
