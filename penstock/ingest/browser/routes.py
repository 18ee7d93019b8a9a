"""The paths of browsers and phones, and what each answers. None of them needs the control API."""

from functools import lru_cache

from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import Refusal, answer_headers, preflight_headers, respond, wrong_method
from penstock.ingest.body import BATCH_LIMIT, read_body
from penstock.ingest.browser.documents import Document
from penstock.ingest.browser.origin import Origin, Origins
from penstock.ingest.browser.pixels import pixel_body, respond_with_gif
from penstock.ingest.browser.planned import OPEN, PlanMembers
from penstock.ingest.browser.scripts import Scripts
from penstock.ingest.browser.settings import connected, settings_document
from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Exchange, Scope
from penstock.ingest.tracking import SINGLE_CALLS, Tracking

_READING = ("GET", "HEAD")
_SCRIPTS = ("analytics.min.js", "analytics.js")
_PREFIXES = ("/v1/", "/analytics.js/", "/analytics-next/", "/next-integrations/")
_SETTINGS_KEPT = 1_024
_PLANNED_KEPT = 128
"""Fewer, since they may be large, and cost little to make again."""


class BrowserRoutes:
    """Answers what is its own by path; `claims` tells whether that is so."""

    def __init__(self, tracking: Tracking, view: SnapshotView, peers: Peers, public_url: str) -> None:
        self._tracking = tracking
        self._view = view
        self._peers = peers
        self._origins = Origins(public_url, peers)
        self._scripts = Scripts()
        self._plans = PlanMembers()
        self._settings = lru_cache(maxsize=_SETTINGS_KEPT)(settings_document)
        self._planned = lru_cache(maxsize=_PLANNED_KEPT)(settings_document)

    def claims(self, path: str) -> bool:
        """Whatever stands where an SDK may ask: the control API has nothing there."""
        return path.startswith(_PREFIXES)

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        """For paths that it claims."""
        parts = scope.path.strip("/").split("/")
        headers = scope.headers
        if scope.method == "OPTIONS":
            exchange.response_empty(204, preflight_headers(headers))
            return
        try:
            match parts:
                case ["v1", "pixel", call] if call in SINGLE_CALLS:
                    self._pixel(scope, exchange, call)
                case ["v1", "m"]:
                    await self._metrics(scope, exchange)
                case _:
                    self._document(scope, parts).give(scope, exchange, answer_headers(headers)[1:])
        except Refusal as refusal:
            self._tracking.refused[refusal.code] += 1
            respond(exchange, headers, refusal)

    def _document(self, scope: Scope, parts: list[str]) -> Document:
        found, message = None, "There is nothing under this path"
        match parts:
            case ["v1", "projects", key, "settings"]:
                found, message = self._settings_of(key, self._origins.of(scope)), "Unknown writeKey"
            case ["analytics.js", "v1", _, name] if name in _SCRIPTS:
                found = self._scripts.analytics(self._origins.of(scope))
            case ["analytics-next", "bundles", name]:
                found = self._scripts.piece(name)
        if found is None:
            raise Refusal(404, "not_found", message)
        if scope.method not in _READING:
            raise wrong_method("GET")
        return found

    def _settings_of(self, key: str, origin: Origin) -> Document | None:
        """Remembered by what they hold, and only where the key is known."""
        source = self._view.source_by_write_key(key)
        if source is None:
            return None
        plan = self._plans.of(source, self._view.plans)
        remembered = self._settings if plan is OPEN else self._planned
        return remembered(key, origin, connected(self._view.destinations_of(source.id)), plan)

    def _pixel(self, scope: Scope, exchange: Exchange, call: str) -> None:
        headers = scope.headers
        if scope.method == "GET":
            try:
                body = pixel_body(scope)
                self._tracking.take(scope, exchange, headers, call, body, respond_with_gif, is_client=True)
            except Refusal as refusal:
                self._tracking.refused[refusal.code] += 1
            else:
                return
        respond_with_gif(exchange, headers, None)

    async def _metrics(self, scope: Scope, exchange: Exchange) -> None:
        """What SDKs measure of themselves is read and left alone."""
        if scope.method != "POST":
            raise wrong_method("POST")
        await read_body(exchange, scope.headers, BATCH_LIMIT)
        respond(exchange, scope.headers, None)
