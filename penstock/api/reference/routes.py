"""The route of the page. Its style and script stand in it and are named by their hashes; nothing else may load."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from starlette.routing import Route

from penstock.api.openapi import BuiltOnce, document_of
from penstock.api.operation import Operation
from penstock.api.reference.page import page_of

_HERE = Path(__file__).parent


def reference_routes(operations: Sequence[Operation]) -> list[Route]:
    style, script = (_HERE / "page.css").read_text(), (_HERE / "page.js").read_text()
    policy = f"default-src 'none'; style-src {_named(style)}; script-src {_named(script)}; frame-ancestors 'none'"
    page = BuiltOnce(
        lambda: page_of(document_of(operations), style, script).encode(),
        "text/html",
        {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"},
    )
    return [Route("/docs", page.answer, methods=["GET"], name="reference")]


def _named(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
