"""An operation of our own: what a function printed. The engine answers, for the lines stand in its memory."""

from typing import Annotated, Any

import msgspec

from penstock.api.operation import Question, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.query import number_to
from penstock.api.schema import Answer, Input
from penstock.kit.time import format_iso
from penstock.resources.functions.service import function_of
from penstock.spec.function_logs import LINES, FindLogs, FoundLogs, LogLine

_SECONDS = 15.0


class ListFunctionLogs(Input):
    count: Annotated[str, number_to(999)] = str(LINES)


class FunctionLogRequest(Answer):
    """What was sent and what came back, shortened and without secrets. `status` is 0 where an `error` stands."""

    method: str
    url: str
    status: int
    error: str
    headers: dict[str, str]
    body: str
    response_headers: dict[str, str]
    response_body: str


class FunctionLogLine(Answer):
    """`level` is a method of the console, `request` for what a run that failed had asked for, or `throw` for what ended
    it. `skipped` lines before it were lost.
    """

    time: str
    level: str
    text: str
    place_id: str
    skipped: int
    request: FunctionLogRequest | None = None


class FunctionLogsAnswer(Answer):
    logs: list[FunctionLogLine]


def _view(line: LogLine) -> FunctionLogLine:
    asked = {} if line.request is None else {"request": FunctionLogRequest(**msgspec.structs.asdict(line.request))}
    return FunctionLogLine(
        **asked,
        time=format_iso(line.time_ms),
        level=line.level,
        text=line.text,
        place_id=line.place_id,
        skipped=line.skipped,
    )


async def _ask(request: Request[ListFunctionLogs]) -> Question:
    function = await function_of(request)
    call = FindLogs(function.workspace_id, function.id, min(int(request.body.count), LINES))
    return Question(call, FoundLogs, _SECONDS)


@operation(
    "listFunctionLogs",
    "GET",
    "/penstock/functions/{functionId}/logs",
    permission=Permission.FUNCTION_READ,
    body=schemas(ListFunctionLogs),
    answer=schemas(FunctionLogsAnswer),
    asks=_ask,
)
async def list_function_logs(request: Request[ListFunctionLogs]) -> dict[str, Any]:
    """What a function printed in delivery, the newest 200 lines of seven days, the oldest first.

    Of runs that failed there is also what they asked of the outside, and what ended them.
    `placeId` is the destination or the instance that it ran for.
    """
    found: FoundLogs = request.reply
    return {"logs": [_view(line) for line in found.lines]}
