"""The installation key: seals secrets at rest, and hashes tokens so that they are stored without being known.

A sealed value is `version u8 · nonce 12 bytes · ciphertext and tag` (AES-256-GCM, the version authenticated too).
The key is `PENSTOCK_SECRET_KEY` (any text, stretched by SHA-256) or 32 random bytes in `<data>/secret.key`,
readable by its owner alone.

Errors:
    SealError    the bytes were not sealed with this key, or were changed
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
_NONCE_LENGTH = 12
_KEY_LENGTH = 32
_VARIABLE = "PENSTOCK_SECRET_KEY"


class SealError(Exception):
    """A sealed value cannot be opened."""


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def load(cls, data_directory: Path, environment: Mapping[str, str]) -> Self:
        """The installation's sealer; makes the key file on the first run."""
        if given := environment.get(_VARIABLE):
            return cls(hashlib.sha256(given.encode()).digest())
        return cls(_key_in(data_directory / "secret.key"))

    def seal(self, value: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return VERSION + nonce + self._cipher.encrypt(nonce, value, VERSION)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealError."""
        if sealed[:1] != VERSION:
            raise SealError("unknown version of a sealed value")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_LENGTH], sealed[1 + _NONCE_LENGTH :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, VERSION)
        except (InvalidTag, ValueError) as error:
            raise SealError("the value was sealed with another key, or was changed") from error


def _key_in(file: Path) -> bytes:
    with contextlib.suppress(FileExistsError):
        _write_new_key(file)
    key = file.read_bytes()
    if len(key) != _KEY_LENGTH:
        raise SealError(f"{file.name} is not a key of {_KEY_LENGTH} bytes")
    return key


def _write_new_key(file: Path) -> None:
    """Roles start at once: the key appears whole, and the first to write it wins."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_LENGTH))
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, file)
    finally:
        temporary.unlink()


def hash_token(token: str) -> str:
    """How a token is stored. Tokens are long and random, so one round without salt is enough and can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()
