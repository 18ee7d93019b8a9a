"""The only way out of a function: its requests, made from here under the outbound policy."""

import base64
import binascii
from typing import Any

from penstock.infra.http import OutboundClient, OutboundError, OutboundRequest, OutboundResponse
from penstock.js.sandbox import Wish

_SECONDS = 5.0
_ANSWER_BYTES = 2 << 20
_HOPS = 20


class Broker:
    """Makes the requests of all functions."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def fetch(self, wish: Wish) -> dict[str, Any]:
        """The answer, or the error, as the realm of the function makes one of its own of it."""
        try:
            return _told(await self._client.send(_request(wish)))
        except OutboundError as error:
            return {"error": {"message": str(error), "type": error.type, "code": error.code}}


def _request(wish: Wish) -> OutboundRequest:
    """Bounded whatever was wished. Raises OutboundError."""
    try:
        body = base64.b64decode(wish.body, validate=True)
    except binascii.Error as error:
        raise OutboundError(f"the body cannot be read: {error}") from error
    return OutboundRequest(
        url=wish.url,
        method=wish.method,
        headers=tuple(wish.headers),
        body=body,
        redirect=wish.redirect if wish.redirect in ("manual", "error") else "follow",
        hops=max(0, min(wish.follow, _HOPS)),
        seconds=min(wish.milliseconds / 1000, _SECONDS) if wish.milliseconds > 0 else _SECONDS,
        answer_bytes=min(int(wish.size), _ANSWER_BYTES) if wish.size >= 1 else _ANSWER_BYTES,
    )


def _told(answer: OutboundResponse) -> dict[str, Any]:
    return {
        "status": answer.status,
        "statusText": answer.reason,
        "url": answer.url,
        "redirected": answer.is_redirected,
        "headers": answer.headers,
        "body": base64.b64encode(answer.body).decode(),
    }
