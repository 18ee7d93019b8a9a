"""Asks the instance that runs on a data directory, over its own HTTP interface.

Errors:
    LocalError
    ├── NotRunning     no instance, or it does not answer
    └── Refused        it answered with an error; `status` and the message say which
"""

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from penstock.client.run_record import RunRecord, read_run_record


class LocalError(Exception):
    """The running instance could not be asked."""


class NotRunning(LocalError):  # noqa: N818 - the consequence is in the name
    """Nobody answers for this data directory."""


class Refused(LocalError):  # noqa: N818
    """The instance answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LocalClient:
    """One instance, reached by the address and token in its `run.json`. Raises NotRunning where there is none."""

    def __init__(self, data: Path) -> None:
        record = read_run_record(data)
        if record is None:
            raise NotRunning(f"no Penstock runs on {data}")
        self._record: RunRecord = record

    def get(self, path: str, timeout: float = 10.0) -> Any:
        return self._ask("GET", path, None, timeout)

    def post(self, path: str, body: Any, timeout: float) -> Any:
        return self._ask("POST", path, json.dumps(body).encode(), timeout)

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float) -> Any:
        address = urlsplit(self._record.url)
        connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._record.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise NotRunning(f"Penstock with pid {self._record.pid} does not answer: {error}") from error
        finally:
            connection.close()
        return _answer(response.status, content)


def _answer(status: int, content: bytes) -> Any:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = {}
    if status < 400:
        return answer
    errors = answer.get("errors") if isinstance(answer, dict) else None
    message = errors[0].get("message") if errors else content[:500].decode(errors="replace")
    raise Refused(status, message or f"status {status}")
