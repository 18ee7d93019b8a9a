"""Requests that nobody means well with, for every route that the edge answers itself."""

import base64
import gzip
import json
import random
from urllib.parse import quote

from penstock.ingest.tracking import ROUTES, SINGLE_CALLS

BASIC = b"Basic a25vd25LRVkwMTIzNDU2Nzg5YWJjZGVmZ2hpamtsbW46"
KEY = base64.b64decode(BASIC.partition(b" ")[2]).decode().rstrip(":")
FIELDS = (
    *("messageId", "userId", "anonymousId", "event", "properties", "traits", "context", "integrations", "timestamp"),
    *("sentAt", "type", "groupId", "previousId", "name", "category", "writeKey", "_metadata", "batch"),
)
VALUES = (
    *(b"null", b"0", b"-1", b"1e999", b"9" * 5_000, b"true", b'""', b'"x"', b"[]", b"{}", b'"\\ud800"', b'"\xff"'),
    *(b"[" * 200 + b"]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200, b'"' + b"y" * 3_000 + b'"', b"NaN", b'"\\u0000"'),
)
BOMB = gzip.compress(b'{"batch":[' + b" " * (20 << 20) + b"]}")
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT")
HOSTS = (b"x", b"", b"a:b:c", b"[::1]:80", b'"><script>', b"x" * 300)
FILES = ("analytics.min.js", "analytics.js")
TAGS = (b'"x"', b"*", b"W/" + b'"' * 99, b"," * 5_000)


def body(chosen: random.Random) -> tuple[bytes, bytes]:
    """(extra header, body)."""
    kind = chosen.randrange(12)
    if kind == 0:
        return b"Content-Encoding: gzip\r\n", BOMB if chosen.random() < 0.2 else gzip.compress(chosen.randbytes(50))
    if kind == 1:
        return b"", chosen.randbytes(chosen.randrange(300))
    if kind == 2:
        return b"", b"[" * chosen.randrange(30_000)
    event = object_of(chosen)
    if kind < 8:
        return b"", event
    events = b",".join([event] * chosen.randrange(1, 20))
    batch = b'{"batch":[' + events + b'],"context":' + chosen.choice(VALUES) + b"}"
    return (b"", batch) if kind < 11 else (b"Content-Encoding: gzip\r\n", gzip.compress(batch))


def object_of(chosen: random.Random) -> bytes:
    members = (
        json.dumps(chosen.choice(FIELDS)).encode() + b":" + chosen.choice(VALUES) for _ in range(chosen.randrange(9))
    )
    return b"{" + b",".join(members) + b"}"


def query(chosen: random.Random) -> str:
    """Of a pixel: an event as base64, as JSON, as dotted names, or none of them."""
    match chosen.randrange(6):
        case 0:
            return "data=" + quote(base64.b64encode(object_of(chosen)).decode()[chosen.randrange(3) :])
        case 1:
            return "data=" + quote(object_of(chosen)[: chosen.randrange(9_000)])
        case 2:
            depth = chosen.randrange(1_200)  # around what the interpreter's stack bears
            return "data=" + quote('{"a":' * depth + "1" + "}" * depth)
        case 3:
            return "&".join(
                f"{'.'.join(chosen.choices(FIELDS, k=chosen.randrange(1, 40)))}=v" for _ in range(chosen.randrange(30))
            )
        case 4:
            return f"writeKey={KEY}&" + "." * chosen.randrange(20_000) + "=&" + "a=&" * chosen.randrange(2_000)
    return quote(chosen.randbytes(chosen.randrange(200)))


def target(chosen: random.Random) -> str:
    """An address for browsers, or one that is nearly one."""
    key = chosen.choice(
        (KEY, KEY[1:], quote(chosen.randbytes(30).replace(b"/", b"")), "k" * chosen.randrange(30_000), "", "%00")
    )
    slash = chosen.choice(("", "/", "//"))
    match chosen.randrange(5):
        case 0 | 1:
            return f"/v1/pixel/{chosen.choice(SINGLE_CALLS)}{slash}?{query(chosen)}"
        case 2:
            return f"/v1/projects/{key}/settings{slash}?{chosen.randrange(9)}"
        case 3:
            return f"/analytics.js/v1/{key}/{chosen.choice(FILES)}{slash}"
    return f"/v1/m{slash[:1]}"


def request(chosen: random.Random) -> tuple[str, bytes]:
    """(method, the whole request)."""
    extra, content = body(chosen)
    if chosen.random() < 0.5:
        method, address, host = "POST", chosen.choice(sorted(ROUTES)), b"x"
    else:
        method, address = chosen.choice(METHODS), target(chosen)
        host = chosen.choice(HOSTS) if chosen.random() < 0.5 else b"h%d.example" % chosen.randrange(10_000)
        extra += b"If-None-Match: " + chosen.choice(TAGS) + b"\r\nOrigin: " + chosen.choice(HOSTS) + b"\r\n"
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\nAuthorization: %b\r\n%bContent-Length: %d\r\n\r\n"
    return method, head % (method.encode(), address.encode(), host, BASIC, extra, len(content)) + content
