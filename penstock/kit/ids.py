"""Identifiers: random for what is made once, derived for what must come out the same again."""

import hashlib
import secrets
import uuid

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def resource_id() -> str:
    """A new id of a resource: 22 letters and digits (about 131 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(22))


def write_key() -> str:
    """A new write key: 32 letters and digits, as SDKs expect."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def message_id() -> str:
    """A new message id for an event that came without one."""
    return str(uuid.uuid4())


def derived_id(*parts: str) -> str:
    """The same 22 letters and digits for the same parts, on every machine."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:17], "big")
    digits = []
    for _ in range(22):
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))
