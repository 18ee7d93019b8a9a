"""How transformations make values unreadable: a digest of the value's text, with a key by HMAC."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from penstock.spec.snapshot import HashSnapshot

ALGORITHMS = frozenset({"md5", "sha1", "sha256", "sha512"})
_ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "": bytes.hex,
    "HEX": bytes.hex,
    "BASE16": bytes.hex,
    "BASE64": lambda digest: base64.b64encode(digest).decode(),
    "BASE64URL": lambda digest: base64.urlsafe_b64encode(digest).decode(),
}


def hasher(wanted: HashSnapshot, key: bytes) -> Callable[[Any], str]:
    """With an empty key a plain digest. Raises ValueError for an algorithm or an encoding that is not known.

    Their names are read in any case.
    """
    algorithm, encode = wanted.algorithm.lower(), _ENCODINGS.get(wanted.encoding.upper())
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{wanted.algorithm} is none of {', '.join(sorted(ALGORITHMS))}")
    if encode is None:
        raise ValueError(f"{wanted.encoding} is none of {', '.join(filter(None, _ENCODINGS))}")

    def digest(value: Any) -> str:
        text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else msgspec.json.encode(value)
        return encode(hmac.digest(key, text, algorithm) if key else hashlib.new(algorithm, text).digest())

    return digest
