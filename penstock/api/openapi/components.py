"""The schemas of all bodies and answers, named once for the whole document, and the parts that operations share."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from penstock.api.schema import Answer

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
_NESTED = ("properties", "$defs", "patternProperties")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "propertyNames")


class Components:
    """Schemas by name. A name that two slices use gets the slice's in front: `LabelsLabel`, `SourcesLabel`."""

    def __init__(self, models: Iterable[type[BaseModel]], changes: Iterable[type[BaseModel]] = ()) -> None:
        """`changes` are bodies in which what is not sent stays as it is: these have no defaults, nor have answers."""
        wanted = sorted(set(models), key=lambda model: (model.__module__, model.__qualname__))
        moded = [(model, _mode(model)) for model in wanted]
        places, whole = models_json_schema(moded, ref_template=PREFIX + "{model}")
        defined: dict[str, Schema] = whole.get("$defs", {})
        self._names = _names(defined)
        told = set(changes)
        roots = {_key(place) for (model, _), place in places.items() if issubclass(model, Answer) or model in told}
        bare = _reachable(defined, roots)
        self._references = {model: self._renamed(_key(place)) for (model, _), place in places.items()}
        self.schemas: dict[str, Schema] = {
            self._renamed(key): self._tidy(schema, is_bare=key in bare) for key, schema in defined.items()
        }

    def reference(self, model: type[BaseModel]) -> Schema:
        return {"$ref": PREFIX + self._references[model]}

    def of(self, model: type[BaseModel]) -> Schema:
        return self.schemas[self._references[model]]

    def _renamed(self, key: str) -> str:
        return self._names[key]

    def _tidy(self, schema: Any, *, is_bare: bool) -> Any:
        """Without what says nothing: titles that repeat names, defaults that there are not and those that are empty."""
        if not isinstance(schema, dict):
            return schema
        found = {name: value for name, value in schema.items() if name != "title"}
        if "$ref" in found:
            found["$ref"] = PREFIX + self._renamed(found["$ref"].removeprefix(PREFIX))
        if is_bare or found.get("default", True) in ("", None, [], {}):
            found.pop("default", None)
        for name in _NESTED:
            if name in found:
                found[name] = {key: self._tidy(each, is_bare=is_bare) for key, each in found[name].items()}
        for name in _LISTED:
            if name in found:
                found[name] = [self._tidy(each, is_bare=is_bare) for each in found[name]]
        for name in _SINGLE:
            if name in found:
                found[name] = self._tidy(found[name], is_bare=is_bare)
        return found


def _mode(model: type[BaseModel]) -> Literal["serialization", "validation"]:
    """An answer is described as it is written, a body as it is read: a field may have two names."""
    return "serialization" if issubclass(model, Answer) else "validation"


def _key(place: Schema) -> str:
    return str(place["$ref"]).removeprefix(PREFIX)


def _reachable(defined: dict[str, Schema], roots: set[str]) -> set[str]:
    found, waiting = set(), list(roots)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += [each.removeprefix(PREFIX) for each in references(defined[key])]
    return found


def references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def _names(keys: Iterable[str]) -> dict[str, str]:
    """Pydantic writes a name that is not unique as `penstock__resources__labels__schemas__Label`."""
    names = {}
    for key in keys:
        *path, last = key.split("__")
        owner = "".join(word.capitalize() for word in path[2].split("_")) if len(path) > 2 else ""
        names[key] = owner + re.sub(r"\W", "", last)
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    return {key: re.sub(r"\W", "", key) if name in twice else name for key, name in names.items()}
