"""A server that reads the body and answers 200, and nothing else: the ceiling that ingest is measured against."""

import os
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops

HEADERS = [("content-type", "application/json")]


async def application(_scope: Any, exchange: Any) -> None:
    await exchange()
    exchange.response_bytes(200, HEADERS, b'{"success":true}')


if __name__ == "__main__":
    Granian(
        "bench.ingest_bare:application",
        port=int(os.environ["PENSTOCK_PORT"]),
        interface=Interfaces.RSGI,
        loop=Loops.uvloop,
        workers=1,
        log_enabled=False,
    ).serve()
