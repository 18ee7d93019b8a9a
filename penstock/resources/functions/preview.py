"""Operations of our own: a trial of a function, on sample data or on a request as it comes. Nothing is stored."""

from typing import Any

import msgspec
from pydantic import Field

from penstock.api.errors import InputInvalid
from penstock.api.operation import Question, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import FORM, Answer, Input, JsonObject, RawBody
from penstock.api.versions import JSON
from penstock.resources.functions.schemas import Code
from penstock.resources.functions.service import PREVIEW_WEBHOOK, function_of
from penstock.spec.calls import TrialReport, TryFunction

_SECONDS = 30.0
_DONE = "done"
_SETTINGS = "penstock-settings"
_UNTOLD = frozenset({"authorization", "cookie", "proxy-authorization", _SETTINGS})
"""Headers of a request to the webhook that no function sees: with the token it could do what its bearer may."""
_REQUEST_LIMIT = 512 * 1024
"""As where deployed source functions are called."""


class Sample(Input):
    """The request to a source function."""

    url: str = "https://functions.example/"
    headers: dict[str, str] = Field(default={})
    body: str = ""


class PreviewFunction(Input):
    """One of `event`, `events` (for `onBatch`) and `request`. `code` takes the place of the newest version's."""

    code: Code = ""
    event: JsonObject | None = None
    events: list[JsonObject] | None = None
    request: Sample | None = None
    settings: JsonObject = Field(default={})


class PreviewError(Answer):
    code: str
    message: str
    stack: str


class PreviewRequest(Answer):
    method: str
    url: str
    status: int
    error: str


class Preview(Answer):
    """`outcome` is `done`, `retried`, `refused` or `dropped`."""

    outcome: str
    result: Any
    error: PreviewError | None = None
    logs: list[str]
    requests: list[PreviewRequest]
    messages: list[JsonObject]
    duration_ms: float


class PreviewAnswer(Answer):
    preview: Preview


async def _ask(request: Request[PreviewFunction]) -> Question:
    function, body = await function_of(request), request.body
    handler, given = _work_of(body)
    call = TryFunction(
        kind=function.resource_type,
        code=body.code if "code" in body.sent() else function.code,
        handler=handler,
        given=msgspec.json.encode(given),
        settings=msgspec.json.encode(body.settings),
    )
    return Question(call, TrialReport, _SECONDS)


def _work_of(body: PreviewFunction) -> tuple[str, Any]:
    """The handler, and what it is given. Raises InputInvalid."""
    given = {name: value for name in ("event", "events", "request") if (value := getattr(body, name)) is not None}
    if len(given) != 1:
        raise InputInvalid('one of "event", "events" and "request" is required', field="event")
    if body.event is not None:
        kind = body.event.get("type")
        if not isinstance(kind, str) or not kind.isalpha():
            raise InputInvalid('"event.type" is required', field="event.type")
        return f"on{kind.capitalize()}", body.event
    if body.request is not None:
        headers = list(body.request.headers.items())
        is_form = any(name.lower() == "content-type" and value.startswith(FORM) for name, value in headers)
        return "onRequest", {"url": body.request.url, "headers": headers, "body": body.request.body, "isForm": is_form}
    return "onBatch", body.events


async def _ask_by_webhook(request: Request[RawBody]) -> Question:
    """Raises InputInvalid for what a deployed function would not be given either (functions.md §2.1)."""
    function = await function_of(request)
    if function.resource_type != "SOURCE":
        raise InputInvalid(f"function {function.id} is no source function")
    headers = [(name, value) for name, value in request.headers.items() if name not in _UNTOLD]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {JSON, FORM}:
        raise InputInvalid(f"Content-Type must be {JSON} or {FORM}")
    given = {
        "url": request.body.url,
        "headers": headers,
        "body": _text_of(request.body.content, kind),
        "isForm": kind == FORM,
    }
    call = TryFunction(
        kind=function.resource_type,
        code=function.code,
        handler="onRequest",
        given=msgspec.json.encode(given),
        settings=_settings_in(request.headers.get(_SETTINGS, "{}")),
    )
    return Question(call, TrialReport, _SECONDS)


def _text_of(content: bytes, kind: str) -> str:
    """Raises InputInvalid for what is no text, or not the JSON that it says to be."""
    try:
        if kind == JSON:
            msgspec.json.decode(content, type=msgspec.Raw)
        return content.decode()
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InputInvalid(f"the body cannot be decoded: {error}") from error


def _settings_in(header: str) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(header, type=dict[str, Any]))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputInvalid(f'"{_SETTINGS}" must be a JSON object', field=_SETTINGS) from error


@operation(
    "previewFunction",
    "POST",
    "/penstock/functions/{functionId}/preview",
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(PreviewFunction),
    answer=schemas(PreviewAnswer),
    asks=_ask,
)
async def preview_function(request: Request[PreviewFunction]) -> dict[str, Any]:
    """Run a function once, in a process that is thrown away: what it returned, logged, asked for and sent.

    Requests to the outside are really made. Settings are those of this request; what is stored is not used.
    """
    return {"preview": _view(request.reply)}


@operation(
    "previewFunctionWebhook",
    "POST",
    PREVIEW_WEBHOOK,
    permission=Permission.FUNCTION_ADMIN,
    body=schemas(RawBody),
    answer=schemas(PreviewAnswer),
    asks=_ask_by_webhook,
    body_limit=_REQUEST_LIMIT,
)
async def preview_function_webhook(request: Request[RawBody]) -> dict[str, Any]:
    """Run a source function once on this very request, as `previewFunction` does: its `previewWebhookUrl` leads here.

    What runs is the newest version, also one that is not deployed. It is given the query, the headers but those with
    credentials, and the body; as its settings the JSON object in the header `Penstock-Settings`. What it makes is told
    and sent nowhere.
    """
    return {"preview": _view(request.reply)}


def _view(report: TrialReport) -> Preview:
    values: dict[str, Any] = {}
    if report.consequence != _DONE:
        values["error"] = PreviewError(code=report.code, message=report.message, stack=report.stack)
    return Preview(
        **values,
        outcome=report.consequence,
        result=msgspec.json.decode(report.value),
        logs=report.logs,
        requests=[
            PreviewRequest(method=one.method, url=one.url, status=one.status, error=one.error)
            for one in report.requests
        ],
        messages=[msgspec.json.decode(message) for message in report.messages],
        duration_ms=report.milliseconds,
    )
