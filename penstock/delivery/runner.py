"""Attempts by the official destination code: asks a JavaScript runner, and translates its verdicts."""

import msgspec
import structlog

from penstock.delivery.attempt import Attempt, Fate, Signal, Verdict
from penstock.js import Operation, RequestTooLarge, RunnerPool, RunnerRequest, RunnersError, VerdictKind, verdicts
from penstock.js.verdict import Origin, request_too_large, runner_lost
from penstock.js.verdict import Verdict as RunnerVerdict
from penstock.spec.delivery import RESPONSE_LIMIT

logger = structlog.get_logger(__name__)

_REASON_LIMIT = 64
"""Codes come from foreign code, and counts are kept by them."""

_FATES = {
    VerdictKind.DELIVERED: Fate.DELIVERED,
    VerdictKind.RETRYABLE: Fate.RETRYABLE,
    VerdictKind.PERMANENT: Fate.FAILED,
    VerdictKind.NOT_SUBSCRIBED: Fate.NOT_SUBSCRIBED,
    # A row of a batch whose trigger does not match. Only for an event that was tried before is that a filter of the
    # mapping, and the ledger knows whether it was.
    VerdictKind.FILTERED_AT_MAPPING: Fate.NOT_SUBSCRIBED,
}


class _Response(msgspec.Struct):
    """What quarantine shows of the last response."""

    status: int | None
    message: str
    body: str


class RunnerAttempter:
    """The attempter of production."""

    def __init__(self, pool: RunnerPool) -> None:
        self._pool = pool

    async def attempt(self, attempt: Attempt) -> list[Verdict]:
        """One call of a runner. What is wrong with the runner itself is tried again."""
        subscription = attempt.subscription
        request = RunnerRequest(
            operation=Operation.BATCH if attempt.is_batch else Operation.EVENT,
            metadata_id=attempt.metadata_id,
            action=subscription.action,
            settings=attempt.settings,
            trigger=subscription.trigger,
            mapping=subscription.mapping,
            events=attempt.events,
            subscription_id=subscription.id,
            destination_id=attempt.destination_id,
            source_id=attempt.source_id,
            timeout_ms=round(attempt.seconds_limit * 1000),
        )
        count = len(attempt.events)
        try:
            answer = await self._pool.call(request)
        except RequestTooLarge as error:
            return [_translated(request_too_large(str(error)))] * count
        except RunnersError as error:
            logger.warning("A runner could not be asked.", destination=attempt.destination_id, reason=str(error))
            return [_translated(runner_lost(str(error)))] * count
        return [_translated(verdict) for verdict in verdicts(answer, count)]


def _translated(verdict: RunnerVerdict) -> Verdict:
    if verdict.own_batch is not None:
        return _for_ourselves(verdict)
    fate = _FATES[verdict.kind]
    return Verdict(
        fate=fate,
        signal=_signal(verdict),
        reason=verdict.code[:_REASON_LIMIT],
        status=verdict.status or 0,
        retry_after_seconds=verdict.retry_after_seconds or 0.0,
        response=b"" if fate in {Fate.DELIVERED, Fate.NOT_SUBSCRIBED} else _response(verdict),
    )


def _for_ourselves(verdict: RunnerVerdict) -> Verdict:
    """Segment and Segment Profiles answer with messages for our own ingest, which takes none yet: never silently."""
    message = "the destination sends events to Penstock itself, which does not take them"
    return Verdict(Fate.FAILED, Signal.SILENT, "INVALID_SETTINGS", verdict.status or 0, response=message.encode())


def _signal(verdict: RunnerVerdict) -> Signal:
    if verdict.origin is Origin.NETWORK:
        return Signal.FAILING
    if verdict.origin is Origin.OURS:
        return Signal.SILENT
    status = verdict.status or 0
    if status == 429:
        return Signal.THROTTLED
    return Signal.FAILING if status >= 500 or status in {401, 403, 408} else Signal.HEALTHY


def _response(verdict: RunnerVerdict) -> bytes:
    body = verdict.exchange.response_body if verdict.exchange is not None else ""
    shown = _Response(verdict.status, verdict.message[:500], body[: RESPONSE_LIMIT // 4])
    return msgspec.json.encode(shown)[:RESPONSE_LIMIT]
