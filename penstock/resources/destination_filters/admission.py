"""Whether a filter can act as it is asked for: its condition is FQL, and each action has what its type needs."""

from collections.abc import Sequence

import msgspec

from penstock.api.errors import InputInvalid
from penstock.api.unit import Unit
from penstock.resources.destination_filters.schemas import Action
from penstock.spec.edits.paths import PathError, split_path
from penstock.spec.fql import FqlSyntaxError, doubt_of, parse_condition
from penstock.spec.snapshot import FilterAction

NAMES_LIMIT = 1_000
_OLDER_NAMES = {
    "drop_event": FilterAction.DROP,
    "sample_event": FilterAction.SAMPLE,
    "blocklist_fields": FilterAction.DROP_PROPERTIES,
    "whitelist_fields": FilterAction.ALLOW_PROPERTIES,
}
_NEEDS = {
    FilterAction.SAMPLE: "percent",
    FilterAction.DROP: "",
    FilterAction.DROP_PROPERTIES: "fields",
    FilterAction.ALLOW_PROPERTIES: "fields",
}
_MAY_HAVE = {FilterAction.SAMPLE: {"type", "percent", "path"}, FilterAction.DROP: {"type"}}
_OF_PROPERTIES = {"type", "fields"}


def require_condition(text: str, field: str) -> None:
    """Raises InputInvalid naming the place in the text."""
    try:
        parse_condition(text)
    except FqlSyntaxError as error:
        raise InputInvalid(f'"{field}" is not FQL: {error}', field=field) from error


def warn_of_condition(unit: Unit, text: str, field: str) -> None:
    """Of one that can be read."""
    if doubt := doubt_of(text):
        unit.warn(f'"{field}" {doubt}')


def stored_actions(actions: Sequence[Action], field: str) -> str:
    """The actions as they are stored and read back. Raises InputInvalid naming the field."""
    found = []
    for number, action in enumerate(actions):
        place = f"{field}.{number}"
        kind = _kind_of(action.type, place)
        _require_fit(action, kind, place)
        found.append({**action.model_dump(exclude_unset=True), "type": str(kind)})
    return msgspec.json.encode(found).decode()


def _kind_of(name: str, place: str) -> FilterAction:
    # The original documents its types in capitals, and spells them small elsewhere.
    if name.upper() in FilterAction.__members__:
        return FilterAction(name.upper())
    if (kind := _OLDER_NAMES.get(name)) is None:
        message = f'"{place}.type" must be one of {", ".join(FilterAction)}'
        raise InputInvalid(message, field=f"{place}.type")
    return kind


def _require_fit(action: Action, kind: FilterAction, place: str) -> None:
    """A field that a type does not know is refused: a DROP with `fields` would drop more than its author means."""
    sent = action.model_fields_set
    needed = _NEEDS[kind]
    if needed and needed not in sent:
        raise InputInvalid(f'"{place}.{needed}" is required for {kind}', field=f"{place}.{needed}")
    for name in sorted(sent - _MAY_HAVE.get(kind, _OF_PROPERTIES)):
        raise InputInvalid(f'"{place}.{name}" does not belong to {kind}', field=f"{place}.{name}")
    if not 0 <= action.percent <= 1:
        raise InputInvalid(f'"{place}.percent" must be between 0 and 1', field=f"{place}.percent")
    _require_path(action.path, f"{place}.path")
    if sum(map(len, action.fields.values()), len(action.fields)) > NAMES_LIMIT:
        raise InputInvalid(f'"{place}.fields" names more than {NAMES_LIMIT} fields', field=f"{place}.fields")
    for path, names in action.fields.items():
        _require_path(path, f"{place}.fields")
        for name in names:
            _require_name(name, f"{place}.fields")


def _require_path(path: str, field: str) -> None:
    try:
        split_path(path)
    except PathError as error:
        raise InputInvalid(f'"{field}" {error}', field=field) from error


def _require_name(name: str, field: str) -> None:
    """A name is one key, dots and all; but nobody means a key that is called `products.$.sku`."""
    if ".$." in name:
        _require_path(name, field)
