"""Writes `penstock/client/public_api/`: a module for each tag, with its types and a method for each operation.

What is written has still to pass the formatter, which breaks long lines.
"""

import builtins
import keyword
from collections import Counter
from collections.abc import Mapping

from penstock.api.openapi.components import Schema
from penstock.api.openapi.operations import Described, Document, by_tag, snake
from penstock.api.openapi.typed import declaration, docstring, names_in, reached, type_of

PACKAGE = "penstock.client.public_api"
_WRITTEN = "Written by `make docs`; edits here are lost."


def client_files(document: Document) -> dict[str, str]:
    """Texts by file name."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    tags = list(by_tag(document))
    needed = {slug: reached(schemas, _roots(operations)) for slug, _, _, operations in tags}
    users = Counter(name for names in needed.values() for name in names)
    shared = reached(schemas, sorted(name for name, count in users.items() if count > 1))
    files = {"shared.py": _module("Types that several tags use.", _types(schemas, shared), {})}
    for slug, name, about, operations in tags:
        own = [each for each in needed[slug] if each not in shared]
        used = _used(schemas, own, operations) & set(shared)
        body = [*_types(schemas, own), *_class(slug, about, operations)]
        files[f"{slug}.py"] = _module(f"{name}: {about}", body, {f"{PACKAGE}.shared": used})
    files["__init__.py"] = _front_door([(slug, about) for slug, _, about, _ in tags])
    return files


def class_name(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("_")) + "Api"


def _roots(operations: list[Described]) -> list[str]:
    found = [name for each in operations for name in (each.body, each.answer) if name]
    return [*found, *(name for each in operations for name in sorted(names_in(each.query)))]


def _used(schemas: Mapping[str, Schema], own: list[str], operations: list[Described]) -> set[str]:
    return set(_roots(operations)) | {name for each in own for name in names_in(schemas[each])}


def _types(schemas: Mapping[str, Schema], names: list[str]) -> list[str]:
    lines: list[str] = []
    for name in names:
        lines += [*declaration(name, schemas[name]), "", ""]
    return lines


def _class(slug: str, about: str, operations: list[Described]) -> list[str]:
    lines = [f"class {class_name(slug)}:", *docstring(about, "    "), ""]
    lines += ["    def __init__(self, ask: Ask) -> None:", "        self._ask = ask"]
    for operation in operations:
        lines += ["", *_method(operation)]
    return lines


def _method(operation: Described) -> list[str]:
    arguments = ["self", *(f"{argument(name)}: str" for name in operation.path_names)]
    values = [f'"{operation.method}"', _path(operation)]
    if operation.body:
        arguments.append(f"body: {operation.body}" + ("" if operation.is_body_required else " | None = None"))
        values.append("body=body")
    query = _query(operation)
    if query:
        arguments += ["*", *(f"{name}: {kind}" for name, (_, kind) in query.items())]
        entries = (f'"{wire}": {name}' for name, (wire, _) in query.items())
        values.append(f"query={{{', '.join(entries)}}}")
    return [
        f"    def {operation.function}({', '.join(arguments)}) -> {operation.answer}:",
        *docstring(operation.description, "        "),
        f"        answer: {operation.answer} = self._ask({', '.join(values)})",
        "        return answer",
    ]


def argument(name: str) -> str:
    """The Python name of a parameter."""
    found = snake(name)
    return f"{found}_" if keyword.iskeyword(found) or hasattr(builtins, found) else found


def _path(operation: Described) -> str:
    path = operation.path
    for name in operation.path_names:
        path = path.replace(f"{{{name}}}", f"{{quoted({argument(name)})}}")
    return f'f"{path}"' if operation.path_names else f'"{path}"'


def _query(operation: Described) -> dict[str, tuple[str, str]]:
    """(wire name, type and default) by argument; what is required comes first."""
    found = {}
    for name in sorted(operation.query, key=lambda each: each not in operation.required_query):
        kind = type_of(operation.query[name])
        found[argument(name)] = (name, kind if name in operation.required_query else f"{kind} | None = None")
    if operation.is_paged:
        found["count"] = ("pagination[count]", "int | None = None")
        found["cursor"] = ("pagination[cursor]", "str | None = None")
    return found


def _module(sentence: str, body: list[str], imports: Mapping[str, set[str]]) -> str:
    while body and not body[-1]:
        body = body[:-1]
    text = "\n".join(body)
    typing = [name for name in ("Any", "Literal", "NotRequired", "TypedDict") if name in text]
    lines = [*docstring(f"{sentence}\n\n{_WRITTEN}", ""), ""]
    lines += [f"from typing import {', '.join(typing)}", ""] if typing else []
    ours = {module: names for module, names in imports.items() if names}
    if "Ask" in text:
        ours["penstock.client.asking"] = {name for name in ("Ask", "quoted") if name in text}
    for module in sorted(ours):
        names = sorted(ours[module], key=lambda name: (not name[0].isupper(), name))
        lines.append(f"from {module} import {', '.join(names)}")
    between = [""] if text.startswith(("class", "def")) else []
    return "\n".join([*lines, "", *between, text, ""])


def _front_door(tags: list[tuple[str, str]]) -> str:
    lines = [*docstring(f"Typed access to every operation of the API, by tag.\n\n{_WRITTEN}", ""), ""]
    lines += ["from functools import cached_property", "from typing import TYPE_CHECKING", ""]
    lines += ["from penstock.client.asking import Ask", "", "if TYPE_CHECKING:"]
    for slug, _ in sorted(tags):
        lines.append(f"    from {PACKAGE}.{slug} import {class_name(slug)}")
    lines += ["", "", "class PublicApi:", '    """A tag\'s types are loaded when it is first used."""', ""]
    lines += ["    def __init__(self, ask: Ask) -> None:", "        self._ask = ask"]
    for slug, about in tags:
        lines += [
            "",
            "    @cached_property",
            f'    def {slug}(self) -> "{class_name(slug)}":',
            *docstring(about, "        "),
            f"        from {PACKAGE}.{slug} import {class_name(slug)}",
            "",
            f"        return {class_name(slug)}(self._ask)",
        ]
    return "\n".join([*lines, ""])
