"""What an answer of a runner means for each of its events: the table of delivery.md §3, as one pure function.

Rules in order: the outbound policy, who threw, the status, the network code. What nobody recognises is tried again as
`INTERNAL`, because it is a crash and not an answer.
"""

import email.utils
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from penstock.js.protocol import CallError, Exchange, Result, Row, RunnerAnswer

RETRY_AFTER_LIMIT = 3_600.0

_NETWORK_CODES = frozenset(
    {
        "ENOTFOUND",
        "ECONNREFUSED",
        "ECONNRESET",
        "ECONNABORTED",
        "EHOSTUNREACH",
        "EAI_AGAIN",
        "ETIMEDOUT",
        "EREFUSED",
    }
)
_MORE_NETWORK_CODES = frozenset({"ENETUNREACH", "EPIPE", "UND_ERR_SOCKET", "ESOCKETTIMEDOUT"})
"""Of the same kind as those of the table, seen in the wild; shown under their own name."""
_TRANSPORT_ERRORS = frozenset({"TimeoutError", "RequestTimeoutError", "RequestClientError", "FetchError"})
_LIQUID_ERRORS = frozenset({"ParseError", "RenderError", "TokenizationError", "UndefinedVariableError"})
_SCHEMA_ERRORS = frozenset({"AggregateAjvError", "ValidationError"})
_LIBRARY_ERRORS = frozenset(
    {"IntegrationError", "PayloadValidationError", "APIError", "InvalidAudienceMembershipError"}
)
_BAD_URLS = frozenset({"ERR_INVALID_URL", "ERR_INVALID_PROTOCOL"})
_BAD_URL_MESSAGES = ("Only absolute URLs are supported", "Only HTTP(S) protocols are supported", "Invalid URL")
_MISMATCH = "Payload is either invalid or does not match the subscription"
_INVALID_SUBSCRIPTION = ("Failed to validate subscription", "Invalid subscription : ")


class VerdictKind(StrEnum):
    """What is to become of the delivery."""

    DELIVERED = "delivered"
    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    NOT_SUBSCRIBED = "not_subscribed"
    FILTERED_AT_MAPPING = "filtered_at_mapping"


class Origin(StrEnum):
    """Who decided, for the circuit of the destination."""

    DESTINATION = "destination"
    """It answered."""
    NETWORK = "network"
    """It could not be reached, or did not answer in time."""
    OURS = "ours"
    """It was not asked, or its code broke."""


class Verdict(msgspec.Struct, frozen=True):
    """How one attempt ended for one event."""

    kind: VerdictKind
    code: str = ""
    """Spelled as delivery.md §6 spells it; empty where delivered."""
    status: int | None = None
    message: str = ""
    retry_after_seconds: float | None = None
    exchange: Exchange | None = None
    origin: Origin = Origin.OURS
    own_batch: bytes | None = None
    """Raw JSON list of messages for our own ingest (Segment, Segment Profiles: they send no request)."""


def verdicts(answer: RunnerAnswer, count: int, *, now: datetime | None = None) -> list[Verdict]:
    """One verdict per event, in order. `now` is for `Retry-After` dates."""
    exchange = answer.exchanges[-1] if answer.exchanges else None
    if answer.error is not None:
        return [judge_error(answer.error, exchange, now=now)] * count
    results = answer.results or []
    if not results:
        return [Verdict(VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, "the destination has no such action")] * count
    last = results[-1]
    if last.multistatus is not None:
        rows = last.multistatus[:count] + [Row(status=500, errormessage="no result")] * (count - len(last.multistatus))
        return [judge_row(row, answer.refused, exchange) for row in rows]
    return [_judge_result(last, answer.refused, exchange)] * count


def _judge_result(result: Result, refused: str | None, exchange: Exchange | None) -> Verdict:
    """The verdict of what the library returned for a single event, or for a batch as a whole."""
    output = result.output or ""
    if output == "not subscribed":
        return Verdict(VerdictKind.NOT_SUBSCRIBED, "NO_MATCHING_MAPPING", message=output)
    if output.startswith(_INVALID_SUBSCRIPTION):
        return Verdict(VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, output)
    if refused is not None:
        # The code went on without a connection that it wanted: a success would hide that.
        return Verdict(VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, refused, None, exchange)
    return Verdict(
        VerdictKind.DELIVERED,
        status=exchange.status if exchange else None,
        exchange=exchange,
        origin=Origin.DESTINATION,
        own_batch=_own_batch(bytes(result.data)),
    )


def judge_error(error: CallError, exchange: Exchange | None = None, *, now: datetime | None = None) -> Verdict:
    """The verdict of what the library threw; it holds for every event of the call."""
    kind, code, status, origin = _judge_thrown(error)
    wait = retry_after(error.retry_after, now) if kind is VerdictKind.RETRYABLE else None
    return Verdict(kind, code, status, _message(error), wait, exchange, origin)


def judge_row(row: Row, refused: str | None = None, exchange: Exchange | None = None) -> Verdict:
    """The verdict of one event of a batch."""
    if 200 <= row.status < 300:
        return Verdict(VerdictKind.DELIVERED, "", row.status, "", None, exchange, Origin.DESTINATION)
    if (ours := _judge_our_row(row, refused)) is not None:
        return ours
    shown = row.errormessage or row.body or ""
    if not row.status:
        return Verdict(VerdictKind.RETRYABLE, "INTERNAL", None, shown or "a row without status", None, exchange)
    kind = VerdictKind.RETRYABLE if is_retryable_status(row.status) else VerdictKind.PERMANENT
    return Verdict(kind, str(row.status), row.status, shown, None, exchange, Origin.DESTINATION)


def _judge_our_row(row: Row, refused: str | None) -> Verdict | None:
    """A row that the destination did not decide."""
    message = row.errormessage or ""
    is_ours = row.errorreporter == "INTEGRATIONS"
    if is_ours and message == _MISMATCH:
        return Verdict(VerdictKind.FILTERED_AT_MAPPING, "FILTERED_AT_MAPPING", row.status, message)
    if is_ours and message.startswith(_INVALID_SUBSCRIPTION):
        return Verdict(VerdictKind.PERMANENT, "INVALID_SETTINGS", row.status, message)
    if refused is not None:
        return Verdict(VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, refused)
    if row.errortype == "PAYLOAD_VALIDATION_FAILED" and row.status == 400:
        return Verdict(VerdictKind.PERMANENT, "MESSAGE_REJECTED", row.status, message)
    return None


def runner_lost(message: str) -> Verdict:
    """The verdict where the runner ended under the call."""
    return Verdict(VerdictKind.RETRYABLE, "INTERNAL", None, message)


def request_too_large(message: str) -> Verdict:
    """The verdict where the request does not fit the protocol: no try can help."""
    return Verdict(VerdictKind.PERMANENT, "MESSAGE_REJECTED", 413, message)


def is_retryable_status(status: int) -> bool:
    """408, 423, 429, 307 and every 5xx but 501."""
    return status in {307, 408, 423, 429} or (status >= 500 and status != 501)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` asks for, at most an hour; None where it says nothing that can be read."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_LIMIT)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT)


_Judged = tuple[VerdictKind, str, int | None, Origin]


def _judge_thrown(error: CallError) -> _Judged:
    code = error.code or ""
    if code == "OUTBOUND_REFUSED":
        return VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, Origin.OURS
    if (ours := _judge_ours(error)) is not None:
        return ours
    if error.name in _TRANSPORT_ERRORS or error.status is None:
        return _judge_transport(error)
    if code == "PAYLOAD_VALIDATION_FAILED":
        return VerdictKind.PERMANENT, "MESSAGE_REJECTED", error.status, Origin.OURS
    kind = VerdictKind.RETRYABLE if is_retryable_status(error.status) else VerdictKind.PERMANENT
    return kind, str(error.status), error.status, Origin.DESTINATION


def _judge_ours(error: CallError) -> _Judged | None:
    """Mapping, settings and payload that can never be sent."""
    if error.name in _SCHEMA_ERRORS:
        code = "INVALID_SETTINGS" if error.phase == "settings" else "MESSAGE_REJECTED"
        return VerdictKind.PERMANENT, code, 400, Origin.OURS
    is_mapping = error.name == "AggregateError" and error.status is None and (error.code or "") not in _NETWORK_CODES
    is_bad_url = error.code in _BAD_URLS or (error.name == "TypeError" and error.message.startswith(_BAD_URL_MESSAGES))
    if is_mapping or is_bad_url or error.name in _LIQUID_ERRORS or error.name == "BadRequest":
        return VerdictKind.PERMANENT, "INVALID_SETTINGS", 400, Origin.OURS
    if error.name in _LIBRARY_ERRORS and error.status is None:
        return VerdictKind.PERMANENT, "400", 400, Origin.OURS
    return None


def _judge_transport(error: CallError) -> _Judged:
    """No answer came: the network code tells why."""
    code = error.code or ""
    if error.name in {"TimeoutError", "RequestTimeoutError"} or code == "ETIMEDOUT":
        return VerdictKind.RETRYABLE, "ETIMEDOUT", 408, Origin.NETWORK
    if error.name == "RequestClientError":
        return VerdictKind.RETRYABLE, "408", 408, Origin.NETWORK
    if code in _NETWORK_CODES or code in _MORE_NETWORK_CODES:
        return VerdictKind.RETRYABLE, code, None, Origin.NETWORK
    if error.name == "FetchError":
        # TLS that cannot be trusted, redirects without end, a body without end: the same tomorrow.
        return VerdictKind.PERMANENT, code or "BAD_REQUEST", None, Origin.NETWORK
    return VerdictKind.RETRYABLE, "INTERNAL", None, Origin.OURS


def _message(error: CallError) -> str:
    if not error.fields:
        return error.message
    return "; ".join(f"{field.path}: {field.message}" if field.path else field.message for field in error.fields)


class _OwnBatch(msgspec.Struct):
    batch: msgspec.Raw = msgspec.Raw()


def _own_batch(data: bytes) -> bytes | None:
    if not data.startswith(b'{"batch":['):
        return None
    return bytes(msgspec.json.decode(data, type=_OwnBatch).batch)
