"""Asks the instance that runs on a data directory, over its own HTTP interface.

Errors:
    LocalError
    ├── NotRunning     no instance, or it does not answer
    └── Refused        it answered with an error; `status` and the message say which
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.client.connecting import connection_to
from penstock.client.event_stream import read_events
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

    def events(self, path: str, silence: float) -> Iterator[tuple[str, Any]]:
        """Server-sent events until the other side ends them, or is silent for so many seconds."""
        connection = self._connection(silence)
        try:
            connection.request("GET", path, headers=self._headers())
            response = connection.getresponse()
            if response.status >= 400:
                _answer(response.status, response.read())
            yield from read_events(response)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float) -> Any:
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body, self._headers())
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise self._silent(error) from error
        finally:
            connection.close()
        return _answer(response.status, content)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        return connection_to(self._record.url, self._record.certificate, timeout)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._record.token}", "Content-Type": "application/json"}

    def _silent(self, error: Exception) -> NotRunning:
        return NotRunning(f"Penstock with pid {self._record.pid} does not answer: {error}")


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
