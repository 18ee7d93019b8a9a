"""An answer that many clients ask for again and again: its bytes, packed once, with a tag to ask by."""

import hashlib
import struct
import zlib
from typing import Self

import msgspec

from penstock.ingest.rsgi import Exchange, HeaderList, Headers, Scope

_WORTH_PACKING = 860


_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_RAW = -15


class Body(msgspec.Struct, frozen=True):
    """Content of which a beginning may differ: what comes after it is packed once for all of them."""

    content: bytes
    deflated: bytes

    @classmethod
    def of(cls, content: bytes) -> Self:
        packer = zlib.compressobj(9, zlib.DEFLATED, _RAW)
        return cls(content, packer.compress(content) + packer.flush())

    def packed_after(self, beginning: bytes) -> bytes:
        """Gzip of both. After a full flush nothing refers to what came before, so that the parts fit together."""
        packer = zlib.compressobj(6, zlib.DEFLATED, _RAW)
        start = packer.compress(beginning) + packer.flush(zlib.Z_FULL_FLUSH) if beginning else b""
        checksum = zlib.crc32(self.content, zlib.crc32(beginning))
        length = (len(beginning) + len(self.content)) & 0xFFFFFFFF
        return _GZIP_HEADER + start + self.deflated + struct.pack("<II", checksum, length)


class Document(msgspec.Struct, frozen=True):
    """Immutable once made; `headers` hold all that does not depend on who asks."""

    content: bytes
    packed: bytes
    tag: str
    headers: HeaderList

    @classmethod
    def of(cls, content: bytes, content_type: str, cache: str) -> Self:
        packed = Body.of(content).packed_after(b"") if len(content) >= _WORTH_PACKING else b""
        return cls._made(content, packed, content_type, cache)

    @classmethod
    def beginning(cls, beginning: bytes, body: Body, content_type: str, cache: str) -> Self:
        """`body` after a beginning of its own."""
        return cls._made(beginning + body.content, body.packed_after(beginning), content_type, cache)

    @classmethod
    def _made(cls, content: bytes, packed: bytes, content_type: str, cache: str) -> Self:
        tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = [("content-type", content_type), ("cache-control", cache), ("etag", tag)]
        return cls(content, packed, tag, [*headers, ("vary", "Accept-Encoding, Origin")])

    def give(self, scope: Scope, exchange: Exchange, shared: HeaderList) -> None:
        """Answer GET and HEAD: nothing where the client has it already. `shared` are headers of every answer."""
        headers = [*self.headers, *shared]
        if _has(scope.headers, self.tag):
            exchange.response_empty(304, headers)
            return
        content = self.content
        if self.packed and _takes_gzip(scope.headers):
            content = self.packed
            headers.append(("content-encoding", "gzip"))
        if scope.method == "HEAD":
            exchange.response_empty(200, [*headers, ("content-length", str(len(content)))])
        else:
            exchange.response_bytes(200, headers, content)


def _has(headers: Headers, tag: str) -> bool:
    known = headers.get("if-none-match")
    if not known:
        return False
    tags = [each.strip().removeprefix("W/") for each in known.split(",")]
    return tag in tags or "*" in tags


def _takes_gzip(headers: Headers) -> bool:
    for offer in (headers.get("accept-encoding") or "").split(","):
        name, _, quality = offer.replace(" ", "").partition(";")
        if name.lower() == "gzip":
            return quality.lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
