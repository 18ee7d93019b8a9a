"""Whether two snapshots say the same. Bytes do not tell: what is sealed twice differs each time."""

from typing import Any

import msgspec

from penstock.infra.secrets import Sealer, SealError
from penstock.spec.snapshot import Snapshot

_SEALED = "sealed_"
"""How fields begin that hold sealed bytes."""


def is_same(one: Snapshot, other: Snapshot, sealer: Sealer) -> bool:
    """Whether both say the same once they are opened. What cannot be opened is the same as nothing."""
    if one == other:
        return True
    try:
        return bool(_opened(one, sealer) == _opened(other, sealer))
    except SealError:
        return False


def _opened(value: Any, sealer: Sealer) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _field(name, getattr(value, name), sealer) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [_opened(each, sealer) for each in value]
    return value


def _field(name: str, value: Any, sealer: Sealer) -> Any:
    return sealer.open(value) if value and name.startswith(_SEALED) else _opened(value, sealer)
