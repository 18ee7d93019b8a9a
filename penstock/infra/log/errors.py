"""What can go wrong with the log; the class decides the consequence.

Errors:
    LogError
    ├─ LogUnavailable     no answer: nobody knows whether it happened; read the last message, then go on
    │  └─ LogTimeout      the same, after waiting
    ├─ SequenceMismatch   the fence refused: somebody else wrote; `last` is what stands there
    ├─ LogLost            the stream is not the one that was read before, or is shorter: positions mean nothing
    └─ LogRefused         the server says no; another try of the same thing gets the same answer
       └─ LogFull         no room on disk, or above the limit of the store
"""

from typing import Any

FULL_CODES = frozenset({10023, 10047, 10077})
MISMATCH_CODES = frozenset({10071, 10164})
PASSING_STATUSES = frozenset({429, 503})
BATCH_ABANDONED = 10176
"""A batch of which the server has not every message: too many at once, or one begun before a restart."""


class LogError(Exception):
    """Base of everything that the log raises."""


class LogUnavailable(LogError):  # noqa: N818 - the name says what is so
    """There is no answer; what was asked may have happened."""


class LogTimeout(LogUnavailable):
    """The answer did not come in time; what was asked may have happened."""


class SequenceMismatch(LogError):  # noqa: N818 - the name says what is so
    """The subject's last message is not the expected one. `last` is -1 where the server does not say."""

    def __init__(self, last: int) -> None:
        super().__init__(f"the last message of the subject is {last}")
        self.last = last


class LogLost(LogError):  # noqa: N818 - the name says what is so
    """What was read before is not in the stream any more, though nobody purged it."""


class LogRefused(LogError):  # noqa: N818 - the name says what is so
    """The server refused; `code` is JetStream's error code, `status` its HTTP-like class."""

    def __init__(self, code: int, status: int, description: str) -> None:
        super().__init__(f"{description} ({code})" if code else description)
        self.code = code
        self.status = status


class LogFull(LogRefused):
    """Nothing more can be stored."""


def error_of(answer: dict[str, Any]) -> LogError:
    """The exception for the `error` object of a JetStream answer."""
    code = int(answer.get("err_code", 0))
    status = int(answer.get("code", 0))
    description = str(answer.get("description", "refused"))
    if code in MISMATCH_CODES:
        number = description.rpartition(":")[2].strip()
        return SequenceMismatch(int(number) if number.isdigit() else -1)
    if code in FULL_CODES:
        return LogFull(code, status, description)
    if status in PASSING_STATUSES or code == BATCH_ABANDONED:
        return LogUnavailable(f"{description} ({code})")
    return LogRefused(code, status, description)
