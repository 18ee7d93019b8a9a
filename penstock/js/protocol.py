"""The runner protocol: one JSON line per request, one per answer, many in flight (js-runtime.md §7).

Settings, mapping and events travel as the raw JSON that they are kept as: spliced into the line, never decoded here.
Raw line breaks can only stand between tokens of valid JSON, so a space replaces them.
"""

from enum import StrEnum
from typing import Any

import msgspec

LINE_LIMIT = 8 << 20


class Operation(StrEnum):
    """What a runner can be asked for."""

    EVENT = "event"
    BATCH = "batch"
    VALIDATE = "validate"
    TEST_AUTHENTICATION = "testAuth"
    DELETE = "delete"
    REFRESH = "refresh"
    DESCRIBE = "describe"
    IDS = "ids"
    JUDGE = "judge"
    PING = "ping"
    STATS = "stats"


class RunnerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Bytes are raw JSON."""

    operation: Operation
    metadata_id: str = ""
    action: str = ""
    """Key of the action in the package."""
    settings: bytes = b"{}"
    trigger: str = ""
    mapping: bytes = b"{}"
    events: tuple[bytes, ...] | list[bytes] = ()
    oauth: bytes | None = None
    """`{access_token, refresh_token, clientId, clientSecret, refresh_token_url}`."""
    subscription_id: str = ""
    destination_id: str = ""
    action_id: str = ""
    source_id: str = ""
    timeout_ms: int = 10_000
    is_traced: bool = False
    """Samples of requests and responses also where all went well."""


class Field(msgspec.Struct, frozen=True):
    """One part of a payload or of settings that the schema refuses."""

    path: str
    message: str


class CallError(msgspec.Struct, frozen=True, rename="camel"):
    """What the library threw, as data."""

    name: str = ""
    code: str | None = None
    status: int | None = None
    message: str = ""
    fields: list[Field] = []
    retry_after: str | None = None
    request_url: str = ""
    type: str | None = None
    phase: str | None = None
    """`settings` where the settings were refused, not the payload."""


class Row(msgspec.Struct, frozen=True):
    """What became of one event of a batch."""

    status: int = 0
    errortype: str | None = None
    errormessage: str | None = None
    errorreporter: str | None = None
    body: str | None = None


class Result(msgspec.Struct, frozen=True):
    """One element of what the library returned; `data` is raw JSON, left out where it is large."""

    output: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    multistatus: list[Row] | None = None


class Exchange(msgspec.Struct, frozen=True, rename="camel"):
    """A bounded sample of one request and its response, without secrets."""

    method: str = ""
    url: str = ""
    request_headers: dict[str, str] = {}
    request_body: str = ""
    status: int = 0
    response_headers: dict[str, str] = {}
    response_body: str = ""


class RunnerAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What one call came to: `results`, or `error` where not `ok`."""

    id: int
    ok: bool
    results: list[Result] | None = None
    error: CallError | None = None
    refused: str | None = None
    """Why the outbound policy refused a connection of this call, also where the code went on without it."""
    new_tokens: msgspec.Raw = msgspec.Raw()
    """Raw JSON `{accessToken, refreshToken?}` where the call refreshed them; else empty."""
    exchanges: list[Exchange] = []
    ms: float = 0.0
    rss: int | None = None
    """Bytes of memory of the runner, told now and then."""

    def data(self) -> Any:
        """The decoded data of the last result; None where there is none."""
        raw = self.results[-1].data if self.results else msgspec.Raw()
        return msgspec.json.decode(raw) if len(raw) else None


_answers = msgspec.json.Decoder(RunnerAnswer)
_encode = msgspec.json.encode


def encode_request(identifier: int, request: RunnerRequest) -> bytes:
    """The line of one request, with its end. The id stands first: the host finds it also in a line it cannot parse."""
    subscription = b'{"ID":%b,"ConfigID":%b,"ActionID":%b,"ProjectID":%b,"subscribe":%b,"mapping":%b}' % (
        _encode(request.subscription_id),
        _encode(request.destination_id),
        _encode(request.action_id),
        _encode(request.source_id),
        _encode(request.trigger),
        _one_line(request.mapping),
    )
    return (
        b'{"id":%d,"op":%b,"dest":%b,"action":%b,"timeoutMs":%d,"trace":%b,"subscription":%b,"settings":%b,'
        b'"oauth":%b,"events":[%b]}\n'
    ) % (
        identifier,
        _encode(request.operation),
        _encode(request.metadata_id),
        _encode(request.action),
        request.timeout_ms,
        b"true" if request.is_traced else b"false",
        subscription,
        _one_line(request.settings),
        b"null" if request.oauth is None else _one_line(request.oauth),
        b",".join(map(_one_line, request.events)),
    )


def decode_answer(line: bytes) -> RunnerAnswer:
    """Raises msgspec.MsgspecError where the line is none of ours."""
    return _answers.decode(line)


def _one_line(raw: bytes) -> bytes:
    return raw.replace(b"\n", b" ") if b"\n" in raw else raw
