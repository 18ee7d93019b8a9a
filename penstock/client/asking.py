"""One connection to the API, and its one envelope.

Errors:
    AskingError
    ├── Unreachable    nobody answers at the address, or what answers is no Penstock
    └── Failed         the API answered with an error; `status` and `problems` say which, field by field
"""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote, urlencode

from penstock.client.connecting import connection_to

Query = Mapping[str, Any]
ANSWER_SECONDS = 330.0
"""Longer than the slowest operation may take, so that its own words tell what became of it."""
_WARNING = re.compile(r'299 - "([^"]*)"')


class Ask(Protocol):
    """How an operation is asked; the answer is what stands in `data`. Raises AskingError."""

    def __call__(self, method: str, path: str, /, *, query: Query | None = None, body: Any = None) -> Any: ...


class AskingError(Exception):
    """The API could not be asked, or has refused."""


class Unreachable(AskingError):  # noqa: N818 - the consequence is in the name
    """Nobody answers at the address."""


class Failed(AskingError):  # noqa: N818
    """The API answered with an error: `problems` as they stand in its envelope."""

    def __init__(self, status: int, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(each.get("message") or each.get("type", "") for each in problems))
        self.status = status
        self.problems = problems


class Asking:
    """Asks one installation with one token; the connection is kept from one request to the next.

    `on_warning` hears what the API warns of beside an answer that is a success.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        certificate: str = "",
        timeout: float = ANSWER_SECONDS,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self._url = url
        self._connection = connection_to(url, certificate, timeout)
        self._on_warning = on_warning
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def __call__(self, method: str, path: str, /, *, query: Query | None = None, body: Any = None) -> Any:
        """What stands in `data`. Raises Unreachable, Failed."""
        encoded = written(query or {})
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, f"{path}?{encoded}" if encoded else path, content, headers)
            response = self._connection.getresponse()
            status, raw = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            reason = getattr(error, "strerror", None) or error  # without the number that an OSError begins with
            raise Unreachable(f"{self._url} does not answer: {reason}") from error
        if self._on_warning is not None:
            for found in _WARNING.findall(response.getheader("Warning", "")):
                self._on_warning(found)
        return self._data(status, raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._connection.close()

    def _data(self, status: int, raw: bytes) -> Any:
        try:
            answer = json.loads(raw)
            return answer["data"] if status < 400 else self._failed(status, answer["errors"])
        except (ValueError, KeyError, TypeError) as error:
            told = raw[:200].decode(errors="replace")
            raise Unreachable(f"{self._url} answers, but not as Penstock does: status {status}, {told!r}") from error

    def _failed(self, status: int, problems: Any) -> None:
        raise Failed(status, list(problems))


def written(query: Query) -> str:
    """The query as it is sent: what is None is left out, a list of texts repeats its name, others are JSON text."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        several = value if isinstance(value, list) and all(isinstance(each, str) for each in value) else [value]
        pairs += [(name, each if isinstance(each, str) else json.dumps(each)) for each in several if each is not None]
    return urlencode(pairs)


def quoted(part: str) -> str:
    """A part of a path."""
    return quote(part, safe="")
