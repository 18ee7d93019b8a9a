"""Testing: An operation that answers what it is told to, by which clients try out how they take it.

Written by `make docs`; edits here are lost.
"""

from typing import Any, TypedDict

from penstock.client.asking import Ask


class EchoAnswer(TypedDict):
    method: str
    message: str
    headers: dict[str, Any]


class TestingApi:
    """An operation that answers what it is told to, by which clients try out how they take it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def echo(
        self,
        *,
        message: str,
        delay: int | None = None,
        trigger_error: bool | None = None,
        trigger_multiple_errors: bool | None = None,
        trigger_unexpected_error: bool | None = None,
        status_code: int | None = None,
    ) -> EchoAnswer:
        """Say `message` back, with the headers that came, those left out that hold credentials.

        `delay` has the answer wait up to 10,000 ms. `triggerError` and `triggerMultipleErrors` answer one or two
        errors that bear the message, of `statusCode` where that is an error's, else 400; `triggerUnexpectedError`
        answers 500. The first of them counts. A `statusCode` alone is either 200 or an error's.
        """
        answer: EchoAnswer = self._ask(
            "GET",
            "/echo",
            query={
                "message": message,
                "delay": delay,
                "triggerError": trigger_error,
                "triggerMultipleErrors": trigger_multiple_errors,
                "triggerUnexpectedError": trigger_unexpected_error,
                "statusCode": status_code,
            },
        )
        return answer
