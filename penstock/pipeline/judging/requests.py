"""What is worked out once per request of a frame: whose it is, when it came, and the batch's own fields."""

import msgspec

from penstock.infra.snapshots import Snapshots
from penstock.kit.json import JsonError
from penstock.kit.time import format_iso
from penstock.pipeline.dedupe import key_prefix
from penstock.pipeline.judging.contexts import Contexts
from penstock.pipeline.judging.draft import FAILED, Ending, RequestView
from penstock.pipeline.judging.overlay import Base, base_of
from penstock.pipeline.judging.rules import Rulebook, SourceRules
from penstock.pipeline.judging.wire import checked
from penstock.pipeline.steps.find_source import refusal_of
from penstock.pipeline.steps.normalise import ipv4_of, time_of
from penstock.spec.accepted import RequestRecord
from penstock.spec.laps import is_before_lap
from penstock.spec.outcome import IngestReason
from penstock.spec.routed import SourceRef
from penstock.spec.snapshot import SourceSnapshot
from penstock.spec.suppressed import Suppressed

KEY_HINT_LENGTH = 8
_decode = msgspec.json.Decoder().decode


class Sources:
    """The sources of one frame, numbered in the order in which they turn up."""

    def __init__(self) -> None:
        self.refs: list[SourceRef] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def number_of(self, source: SourceSnapshot | None) -> int:
        """An unknown source has a number too: what was sent with a wrong key is counted."""
        key = ("", "") if source is None else (source.workspace_id, source.id)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.refs)
            self.refs.append(SourceRef(*key))
        return number


def view_of(record: RequestRecord, lap: str, snapshots: Snapshots, sources: Sources, rulebook: Rulebook) -> RequestView:
    """One request, judged against the configuration."""
    source = snapshots.source_by_write_key(record.write_key)
    context, context_ending = _batch_object(record.context, IngestReason.CONTEXT_NOT_OBJECT)
    integrations, integrations_ending = _batch_object(record.integrations, IngestReason.INTEGRATIONS_NOT_OBJECT)
    received_text = format_iso(record.received_at)
    sent = _time(record.sent_at)
    return RequestView(
        call=record.call,
        received_at=record.received_at,
        received_text=received_text,
        sent_text=received_text if sent is None else sent[1],
        lag=None if sent is None else record.received_at - sent[0],
        contexts=_contexts_of(context, source, record),
        integrations=integrations,
        source=source,
        project_id="" if source is None else source.id,
        source_number=sources.number_of(source),
        key_prefix="" if source is None else key_prefix(lap, source.workspace_id),
        ending=refusal_of(source) or context_ending or integrations_ending,
        key_hint="" if source is not None else hint_of(record.write_key),
        rules=None if source is None else rulebook.rules_of(source, snapshots),
        suppressed=None if source is None else rulebook.suppressed_in(source, snapshots),
        deleted=None if source is None else rulebook.deleted_since(record.received_at, source, snapshots),
        unsuppressed=None if source is None else rulebook.unsuppressed_since(record.received_at, source, snapshots),
        lap=_lap_of(source, snapshots) if source is not None and is_before_lap(lap) else "",
    )


def _lap_of(source: SourceSnapshot, snapshots: Snapshots) -> str:
    return next((each.lap for each in snapshots.destinations_of(source.id) if each.lap and each.enabled), "")


def view_for_made(
    request: RequestView,
    lap: str,
    source: SourceSnapshot,
    number: int,
    rules: SourceRules | None,
    suppressed: Suppressed | None,
) -> RequestView:
    """The view of what was made for `source` of an event of `request`. No plan or filter judges what was forwarded."""
    return msgspec.structs.replace(
        request,
        source=source,
        project_id=source.id,
        source_number=number,
        key_prefix=key_prefix(lap, source.workspace_id),
        ending=refusal_of(source),
        rules=None if rules is None else msgspec.structs.replace(rules, plan=None, filters=None),
        suppressed=suppressed,
        lap="",
    )


def _contexts_of(batch: Base | None, source: SourceSnapshot | None, record: RequestRecord) -> Contexts:
    peer = ipv4_of(record.peer)
    if source is None:
        return Contexts(batch, "", peer)
    return Contexts(batch, source.platform, peer, source.ip, is_client=record.is_client)


def hint_of(write_key: str) -> str:
    """The beginning of a write key: enough to find a typo, too little to send with."""
    return write_key[:KEY_HINT_LENGTH] + "…"


def _batch_object(text: bytes, reason: IngestReason) -> tuple[Base | None, Ending | None]:
    """A batch's field that is no object belongs to no element, so each ends with its code."""
    try:
        return base_of(checked(text) if text else text), None
    except (JsonError, msgspec.MsgspecError):
        return None, FAILED[reason]


def _time(text: bytes) -> tuple[int, str] | None:
    if not text:
        return None
    try:
        return time_of(_decode(text))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
