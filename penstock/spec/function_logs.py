"""The log of functions: what they print, what failed runs had asked for; where it stands, and what is asked about it.

Code may print and send whatever it is given, so a line is taken for content of an event: it stands in memory alone,
and a deletion drops all lines of its workspace.
"""

from typing import ClassVar

import msgspec

from penstock.spec.calls import Call

LINES = 200
"""Of one function; the oldest goes."""
LINE_LIMIT = 1_000
"""Characters of one line."""
DAYS = 7
TOTAL_BYTES = 32 << 20
"""Of all functions of the installation."""


class KeptRequest(msgspec.Struct, array_like=True, frozen=True):
    """What a run that failed asked of the outside.

    Every text has at most `LINE_LIMIT` characters, and all headers together; secrets are masked.
    """

    method: str
    url: str
    status: int
    """0 where there was no answer."""
    error: str
    """Why there was none."""
    headers: dict[str, str]
    body: str
    response_headers: dict[str, str]
    response_body: str


class LogLine(msgspec.Struct, array_like=True, frozen=True):
    """One line. `skipped` lines before it were lost, because more were printed than is kept."""

    time_ms: int
    """When the run ended."""
    level: str
    """A method of the console; of a run that failed `request` for what it had asked for, `throw` for what ended it."""
    text: str
    place_id: str = ""
    """The destination, or the instance, that the function ran for."""
    skipped: int = 0
    request: KeptRequest | None = None
    """Of the level `request`, but where too many waited at once."""


class FindLogs(Call, frozen=True):
    """The newest lines of one function, at most `limit`."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "find_function_logs"
    workspace_id: str
    function_id: str
    limit: int


class FoundLogs(msgspec.Struct, frozen=True):
    """The oldest first."""

    lines: list[LogLine]


class DropLogs(Call, frozen=True):
    """Drop all lines of a workspace."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "drop_function_logs"
    workspace_id: str


class DroppedLogs(msgspec.Struct, frozen=True):
    """How many there were."""

    count: int
