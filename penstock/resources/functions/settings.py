"""Settings of what a function is used for: each of the type that the function says, sensitive ones always secret."""

from collections.abc import Sequence

import msgspec

from penstock.api.connection_settings import MASK, Options, StoredSettings, masked
from penstock.api.schema import JsonObject


class Declared(msgspec.Struct, frozen=True):
    """One setting, as a version of a function declares it."""

    name: str
    type: str
    label: str = ""
    description: str = ""
    required: bool = False
    sensitive: bool = False


_declarations = msgspec.json.Decoder(list[Declared])
_TYPES = {"STRING": "string", "BOOLEAN": "boolean", "ARRAY": "text-list", "TEXT_MAP": "text-object"}


def declared_in(settings: str) -> list[Declared]:
    """From a version's row."""
    return _declarations.decode(settings)


def options_of(declared: Sequence[Declared]) -> Options:
    return Options(
        types={each.name: _TYPES[each.type] for each in declared},
        required=tuple(each.name for each in declared if each.required),
        sensitive=frozenset(each.name for each in declared if each.sensitive),
    )


def shown(stored: StoredSettings) -> tuple[JsonObject, JsonObject]:
    """All settings, and the sensitive ones again by themselves, masked in both."""
    values = masked(stored)
    return values, {name: value for name, value in values.items() if value == MASK}
