"""The installation key: seals secrets at rest, and hashes tokens so that they are stored without being known.

A sealed value is `version u8 · nonce 12 bytes · ciphertext and tag` (AES-256-GCM, the version authenticated too).
The key is `PENSTOCK_SECRET_KEY` (any text, stretched by SHA-256) or 32 random bytes in `<data>/secret.key`,
readable by its owner alone. After a rotation the file holds the new key and, behind it, those before; of the variable
it is `PENSTOCK_SECRET_KEY_PREVIOUS` that opens what the former key has sealed.

Errors:
    SealError    the bytes were not sealed with this key, or were changed
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
_NONCE_LENGTH = 12
_KEY_LENGTH = 32
_VARIABLE = "PENSTOCK_SECRET_KEY"
_PREVIOUS_VARIABLE = "PENSTOCK_SECRET_KEY_PREVIOUS"
KEYS_KEPT = 4
"""The newest and those before it: what was published before a rotation is opened until it is published anew."""


class SealError(ValueError):
    """A sealed value cannot be opened."""


class Sealer:
    """Seals with the newest key and opens with any: a key that was rotated still opens what is not sealed anew yet.

    Other processes rotate too: where no key fits, the file is read once more.
    """

    def __init__(self, *keys: bytes, file: Path | None = None) -> None:
        self._file = file
        self._use(keys)

    def _use(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._ciphers = [AESGCM(key) for key in keys]

    @classmethod
    def load(cls, data_directory: Path, environment: Mapping[str, str]) -> Self:
        """The installation's sealer; makes the key file on the first run."""
        given = [environment[name] for name in (_VARIABLE, _PREVIOUS_VARIABLE) if environment.get(name)]
        if environment.get(_VARIABLE):
            return cls(*(hashlib.sha256(each.encode()).digest() for each in given))
        file = data_directory / "secret.key"
        with contextlib.suppress(FileExistsError):
            _write_first_key(file)
        return cls(*_keys_in(file), file=file)

    def seal(self, value: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return VERSION + nonce + self._ciphers[0].encrypt(nonce, value, VERSION)

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for a purpose of its own; it tells nothing of this one.

        From the oldest key that is kept, so that what was derived lasts while keys are rotated.
        """
        return hashlib.blake2b(purpose.encode(), key=self._keys[-1], digest_size=_KEY_LENGTH).digest()

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealError."""
        if sealed[:1] != VERSION:
            raise SealError("unknown version of a sealed value")
        if (value := self._opened(sealed)) is None and self._read_anew():
            value = self._opened(sealed)
        if value is None:
            raise SealError("the value was sealed with another key, or was changed")
        return value

    def _opened(self, sealed: bytes) -> bytes | None:
        nonce, ciphertext = sealed[1 : 1 + _NONCE_LENGTH], sealed[1 + _NONCE_LENGTH :]
        for cipher in self._ciphers:
            with contextlib.suppress(InvalidTag, ValueError):
                return cipher.decrypt(nonce, ciphertext, VERSION)
        return None

    def _read_anew(self) -> bool:
        """Whether the file has other keys by now."""
        if self._file is None or (found := _keys_in(self._file)) == list(self._keys):
            return False
        self._use(found)
        return True

    def rotate(self) -> None:
        """Put a new key before the others, in the file first. Raises SealError where the key is not in a file."""
        self._write([secrets.token_bytes(_KEY_LENGTH), *self._keys])

    def forget_oldest(self) -> None:
        """Once everything is sealed anew: keep KEYS_KEPT keys. Before, a key that is forgotten might be needed."""
        if self.is_in_file:
            self._write(self._keys[:KEYS_KEPT])

    def _write(self, keys: Sequence[bytes]) -> None:
        if self._file is None:
            raise SealError(f"the key is {_VARIABLE}, not a file: only whoever sets it can change it")
        _written_beside(self._file, b"".join(keys)).replace(self._file)
        self._use(keys)

    @property
    def is_in_file(self) -> bool:
        return self._file is not None


def _keys_in(file: Path) -> list[bytes]:
    content = file.read_bytes()
    if not content or len(content) % _KEY_LENGTH:
        raise SealError(f"{file.name} does not hold keys of {_KEY_LENGTH} bytes")
    return [content[start : start + _KEY_LENGTH] for start in range(0, len(content), _KEY_LENGTH)]


def _write_first_key(file: Path) -> None:
    """Roles start at once: the key appears whole, and the first to write it wins."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = _written_beside(file, secrets.token_bytes(_KEY_LENGTH))
    try:
        os.link(temporary, file)
    finally:
        temporary.unlink()


def _written_beside(file: Path, content: bytes) -> Path:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return temporary


def hash_token(token: str) -> str:
    """How a token is stored. Tokens are long and random, so one round without salt is enough and can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()
