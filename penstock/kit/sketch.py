"""Counts distinct things from their hashes: exactly while they are few, then by HyperLogLog, always mergeable.

Invariants:
- What a sketch holds depends on the union of the hashes alone, so merging is commutative, associative and idempotent.
- Up to `limit` hashes are kept, and the count is exact; past it 16,384 registers are, whose standard error is 0.8 %.

The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6): it needs
no tables and is unbiased from nothing to 2^64.

Errors:
    SketchError    the bytes are no sketch of this version
"""

import math
import struct
from collections.abc import Iterable
from typing import Self

EXACT_LIMIT = 4_096
_PRECISION = 14
_REGISTERS = 1 << _PRECISION
_REST_BITS = 64 - _PRECISION
_HASHES, _DENSE = b"\x01", b"\x02"
_HASH_BYTES = 8
_RANKS = bytes(range(_REST_BITS + 2))
# One bit at the top and one at the bottom of each register's byte.
_HIGH = int.from_bytes(b"\x80" * _REGISTERS, "little")


class SketchError(ValueError):
    """The bytes cannot be read."""


def hashes_of(data: bytes) -> tuple[int, ...]:
    """The 64-bit hashes that stand in `data` one after the other."""
    return struct.unpack(f"<{len(data) // _HASH_BYTES}Q", data)


class Sketch:
    """Of a set of 64-bit hashes, which must be evenly distributed."""

    def __init__(self, hashes: Iterable[int] = (), limit: int = EXACT_LIMIT) -> None:
        self._limit = limit
        self._hashes: set[int] = set()
        self._registers: bytearray | None = None
        self.add(hashes)

    @property
    def is_exact(self) -> bool:
        return self._registers is None

    def add(self, hashes: Iterable[int]) -> None:
        if self._registers is not None:
            _raise(self._registers, hashes)
            return
        self._hashes.update(hashes)
        if len(self._hashes) > self._limit:
            self._registers = bytearray(_REGISTERS)
            _raise(self._registers, self._hashes)
            self._hashes = set()

    def merge(self, other: "Sketch") -> None:
        """Hold what `other` holds too."""
        hashes, registers = other._hashes, other._registers  # noqa: SLF001 - it is one of us
        if registers is None:
            self.add(hashes)
        elif self._registers is None:
            self._registers = bytearray(registers)
            _raise(self._registers, self._hashes)
            self._hashes = set()
        else:
            self._registers = _higher(self._registers, registers)

    def count(self) -> int:
        if self._registers is None:
            return len(self._hashes)
        return round(_estimate(self._registers))

    def encode(self) -> bytes:
        if self._registers is not None:
            return _DENSE + bytes(self._registers)
        return _HASHES + struct.pack(f"<{len(self._hashes)}Q", *sorted(self._hashes))

    @classmethod
    def decode(cls, data: bytes, limit: int = EXACT_LIMIT) -> Self:
        """Raises SketchError."""
        kind, rest = data[:1], data[1:]
        found = cls(limit=limit)
        if kind == _HASHES and len(rest) % _HASH_BYTES == 0:
            found.add(hashes_of(rest))
        elif kind == _DENSE and len(rest) == _REGISTERS and not rest.translate(None, _RANKS):
            found._registers = bytearray(rest)
        else:
            raise SketchError(f"{len(data)} bytes are no sketch")
        return found


def _raise(registers: bytearray, hashes: Iterable[int]) -> None:
    """A hash names a register by its low bits; the register holds the longest run of zeros that the rest began with."""
    for each in hashes:
        place = each & (_REGISTERS - 1)
        rank = _REST_BITS + 1 - (each >> _PRECISION).bit_length()
        if rank > registers[place]:  # noqa: PLR1730 - mostly it is not, and then nothing is written
            registers[place] = rank


def _higher(some: bytearray, others: bytearray) -> bytearray:
    """The higher of each pair, all at once: registers stay below 128, so that one long subtraction borrows nothing."""
    left, right = int.from_bytes(some, "little"), int.from_bytes(others, "little")
    is_left = ((left | _HIGH) - right) & _HIGH
    # 0x80 where left is not lower becomes 0x7f, which covers a register.
    mask = is_left - (is_left >> 7)
    return bytearray(((left & mask) | (right & (mask ^ (_HIGH - (_HIGH >> 7))))).to_bytes(_REGISTERS, "little"))


def _estimate(registers: bytearray) -> float:
    highest = max(registers)
    numbers = [registers.count(rank) if rank <= highest else 0 for rank in _RANKS]
    total = _REGISTERS * _tau(1 - numbers[-1] / _REGISTERS)
    for number in reversed(numbers[1:-1]):
        total = (total + number) / 2
    total += _REGISTERS * _sigma(numbers[0] / _REGISTERS)
    return _REGISTERS * _REGISTERS / (2 * math.log(2) * total) if total else math.inf


def _sigma(share: float) -> float:
    """What registers that nothing reached stand for. Not asked where none was reached: that is no dense sketch."""
    if share == 1:
        return math.inf
    weight, found, before = 1.0, share, -1.0
    while found != before:
        share *= share
        before = found
        found += share * weight
        weight += weight
    return found


def _tau(share: float) -> float:
    """What registers that are full stand for."""
    if share in (0, 1):
        return 0.0
    weight, found, before = 1.0, 1 - share, -1.0
    while found != before:
        share = math.sqrt(share)
        before = found
        weight /= 2
        found -= (1 - share) ** 2 * weight
    return found / 3
