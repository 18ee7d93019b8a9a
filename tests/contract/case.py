"""One good request to one operation, and what makes it a bad one."""

from typing import Any

import msgspec


class Case(msgspec.Struct):
    """`path` has its parameters filled in; `unknown` is the same path with an identifier that nothing has."""

    operation: str
    method: str
    path: str
    unknown: str = ""
    body: Any = None
    wrong: Any = None
    """A body that no contract takes, and the field that must be named."""
    field: str = ""
