"""The made source of the kill matrix: a source function makes its events of requests, a destination function takes them.

No request is sent twice, so that what becomes of each follows from its number: two events where it was answered with
200, and two or none where its answer was lost.
"""

import base64
import json
import threading
from typing import Any, Self

import httpx

from penstock.testing.setup import data_of

EVENTS = 2
"""Of each request."""
TABLE = "made.order_made"
_MAKE = """
function onRequest(request) {
  const { number } = request.json();
  for (const place of [0, 1]) {
    Segment.track({ anonymousId: `a${number}`, event: 'Order Made', properties: { number, place } });
  }
}
"""
_SEND = """
async function onTrack(event, settings) {
  let answer;
  try {
    answer = await fetch('%s', { method: 'POST', body: JSON.stringify(event) });
  } catch (error) {
    throw new RetryError(error.message); // any other error is the end of the event
  }
  if (answer.status >= 300) throw new RetryError(String(answer.status));
}
"""
_OFFICIAL = {"Accept": "application/vnd.segment.v1+json"}
_ALPHA = {"Accept": "application/vnd.segment.v1alpha+json"}


def create(api: httpx.Client, url: str) -> tuple[dict[str, Any], str, str]:
    """The source, the id under which its function's runs are counted, and that of the destination, which posts to
    `url`.
    """
    make = _function(api, "SOURCE", _MAKE)
    body = {"slug": "made", "metadataId": make["catalogId"], "enabled": True}
    source: dict[str, Any] = data_of(api.post("/sources", json=body))["source"]
    listed = api.get("/insert-function-instances", params={"functionId": make["id"]}, headers=_ALPHA)
    (runs,) = data_of(listed)["instances"]
    send = _function(api, "DESTINATION", _SEND % url)
    body = {"sourceId": source["id"], "metadataId": send["catalogId"], "settings": {}, "enabled": True}
    return source, runs["id"], data_of(api.post("/destinations", json=body))["destination"]["id"]


def _function(api: httpx.Client, kind: str, code: str) -> dict[str, Any]:
    body = {"code": code, "displayName": f"Made {kind}", "resourceType": kind}
    function: dict[str, Any] = data_of(api.post("/functions", json=body, headers=_OFFICIAL))["function"]
    return function


class Calls:
    """Calls the source function one after another, each number once. A context: it ends with the last answer."""

    def __init__(self, url: str, write_key: str, pause: float) -> None:
        token = base64.urlsafe_b64encode(write_key.encode()).decode().rstrip("=")
        self._url = f"{url}/fn?b={token}"
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call_all, daemon=True)
        self.answered: set[int] = set()
        self.unanswered: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _call_all(self) -> None:
        number = 0
        while not self._stop.is_set():
            (self.answered if self._call(number) else self.unanswered).add(number)
            number += 1
            self._stop.wait(self._pause)

    def _call(self, number: int) -> bool:
        headers = {"content-type": "application/json"}
        try:
            answer = httpx.post(self._url, content=json.dumps({"number": number}), headers=headers, timeout=15)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200
