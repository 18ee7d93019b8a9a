"""Settings of destinations and warehouses: checked against the catalog's options, secrets sealed, read back masked.

Stored are two parts: `settings`, JSON text in which a secret is a null that keeps its place, and the sealed secrets. A
value is coerced to its option's type, an unknown key is dropped (or sealed), null removes a key, and the mask means
"unchanged". Nothing is filled in: what is read is what was sent. A default joins where the settings leave for the data
plane.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from penstock.api.errors import BadRequest
from penstock.infra.secrets import Sealer
from penstock.kit.json import is_blank

MASK = "••••••••"
_SECRET_TYPES = frozenset({"password"})
# Credentials that are no options: what an OAuth flow or a dynamic authentication stores. Kept whole, always secret.
_CREDENTIALS = frozenset({"oauth", "dynamicAuthSettings"})


class StoredSettings(msgspec.Struct, frozen=True):
    """As they stand in a row."""

    settings: str = "{}"
    sealed_secrets: bytes = b""


class Options(msgspec.Struct, frozen=True):
    """What a catalog entry says of its settings."""

    types: Mapping[str, str]
    required: tuple[str, ...] = ()
    """Those that nothing works without, in the order of the entry."""
    defaults: Mapping[str, Any] = {}
    """What a required setting is where it was not sent."""
    sensitive: frozenset[str] = frozenset()
    """Those that are secret whatever their type."""
    keeps_unknown: bool = False
    """Whether a key that is no option is kept too, as a secret: for entries whose keys are not known for certain."""


class _Refused(ValueError):  # noqa: N818 - caught in this module
    pass


def merge(stored: StoredSettings, sent: Mapping[str, Any], options: Options, sealer: Sealer) -> StoredSettings:
    """`sent` laid over `stored`. Raises BadRequest with every problem."""
    values: dict[str, Any] = msgspec.json.decode(stored.settings)
    secrets = _secrets(stored, sealer)
    problems = []
    for name, value in sent.items():
        try:
            _take(values, secrets, name, value, options)
        except _Refused as refused:
            problems.append((f"settings.{name}", f'"settings.{name}" {refused}'))
    if problems:
        raise BadRequest.of(problems)
    sealed = sealer.seal(msgspec.json.encode(secrets)) if secrets else b""
    return StoredSettings(msgspec.json.encode(values).decode(), sealed)


def masked(stored: StoredSettings) -> dict[str, Any]:
    """For answers."""
    values = msgspec.json.decode(stored.settings)
    return {name: MASK if value is None else value for name, value in values.items()}


def require_complete(stored: StoredSettings, options: Options, sealer: Sealer) -> None:
    """Raises BadRequest with every required setting that is blank, but where its default is just that."""
    values = {**options.defaults, **_whole(stored, sealer)}
    lacking = [
        name for name in options.required if is_blank(values.get(name)) and not _is_default(name, values, options)
    ]
    if lacking:
        raise BadRequest.of([(f"settings.{name}", f'"settings.{name}" is required') for name in lacking])


def _is_default(name: str, values: Mapping[str, Any], options: Options) -> bool:
    return name in options.defaults and values[name] == options.defaults[name]


def sealed_whole(stored: StoredSettings, options: Options, sealer: Sealer) -> bytes:
    """For snapshots: all settings in one sealed JSON object."""
    return sealer.seal(msgspec.json.encode({**options.defaults, **_whole(stored, sealer)}))


def _whole(stored: StoredSettings, sealer: Sealer) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.json.decode(stored.settings)
    return values | _secrets(stored, sealer)


def _secrets(stored: StoredSettings, sealer: Sealer) -> dict[str, Any]:
    if not stored.sealed_secrets:
        return {}
    found: dict[str, Any] = msgspec.json.decode(sealer.open(stored.sealed_secrets))
    return found


def _take(values: dict[str, Any], secrets: dict[str, Any], name: str, value: Any, options: Options) -> None:
    types = options.types
    is_whole = name in _CREDENTIALS or name not in types
    if name not in types and name not in _CREDENTIALS and not options.keeps_unknown:
        return
    if value is None:
        values.pop(name, None)
        secrets.pop(name, None)
    elif is_whole or types[name] in _SECRET_TYPES or name in options.sensitive:
        if value != MASK:
            secrets[name] = value if is_whole else _coerced(value, types[name])
            values[name] = None
    else:
        values[name] = _coerced(value, types[name])


def _coerced(value: Any, wanted: str) -> Any:
    match wanted:
        case "string" | "password" | "select" | "color":
            return _text(value)
        case "number":
            return _number(value)
        case "boolean":
            return _boolean(value)
        case "text-list" if not isinstance(value, list) or not _are_texts(value):
            raise _Refused("must be an array of strings")
        case "text-object" if not isinstance(value, dict) or not _are_texts(value.values()):
            raise _Refused("must be an object of strings")
        case _:
            return value


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _Refused("must be a string")


def _number(value: Any) -> int | float:
    """JSON has no infinity and no NaN, so a text that says one is refused too."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return msgspec.json.decode(value.strip(), type=int | float)
        except (msgspec.DecodeError, UnicodeEncodeError):
            pass
    raise _Refused("must be a number")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _Refused("must be a boolean")
