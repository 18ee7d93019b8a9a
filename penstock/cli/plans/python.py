"""A typed tracking module in Python, on top of `segment-analytics-python`; it passes `mypy --strict`.

Names and descriptions of a plan are somebody's text: they get into the module as literals, or as printable comments.
"""

import keyword
from collections.abc import Iterable, Iterator

from penstock.cli.plans.names import Names, on_one_line, pascal, snake
from penstock.cli.plans.shape import Anything, Call, Choice, Field, List, Record, Rule, Scalar, Type, Union, calls_of

_SCALARS = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}
_HEAD = '''"""Typed calls of a tracking plan, made by `penstock plan codegen`: change the plan, not this file.

    import segment.analytics as analytics

    tracking = Tracking(analytics.Client("WRITE_KEY", host="https://penstock.example.com"))
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NotRequired, Protocol, TypedDict, Unpack


class Client(Protocol):
    """What is asked of a client of `segment-analytics-python`."""

    def track(self, *, event: str, properties: dict[str, Any], **options: Any) -> Any: ...

    def identify(self, *, traits: dict[str, Any], **options: Any) -> Any: ...

    def group(self, *, group_id: str, traits: dict[str, Any], **options: Any) -> Any: ...

    def page(self, *, name: str, properties: dict[str, Any], **options: Any) -> Any: ...

    def screen(self, *, name: str, properties: dict[str, Any], **options: Any) -> Any: ...


class Options(TypedDict, total=False):
    """What every call takes besides: whose it is, and what the Tracking API knows of it."""

    user_id: str
    anonymous_id: str
    context: Mapping[str, Any]
    timestamp: datetime
    integrations: Mapping[str, Any]
    message_id: str


def _of_version(options: Options, version: int) -> Options:
    """With the version of the rule that judges the event."""
    context = dict(options.get("context") or {})
    context["protocols"] = {**context.get("protocols", {}), "event_version": version}
    changed: Options = {**options, "context": context}
    return changed

'''
_CLASS = '''

class Tracking:
    """Every call of the plan."""

'''
_INIT = """    def __init__(self, client: Client) -> None:
        self._client = client
"""
_TYPES = (
    "Any",
    "Client",
    "Literal",
    "Mapping",
    "NotRequired",
    "Options",
    "Protocol",
    "Tracking",
    "TypedDict",
    "Unpack",
)
_KINDS = frozenset({"track", "identify", "group", "page", "screen"})


def module_of(rules: Iterable[Rule], plan_name: str) -> str:
    """The module's text."""
    types = _Types()
    methods = [line for call, name in _named(rules) for line in _method(call, name, types)]
    head = _HEAD.rstrip("\n")
    return "\n".join(
        [
            head,
            "",
            *types.lines,
            _CLASS.rstrip("\n"),
            "",
            f"    # The plan is called {plan_name!a}.",
            _INIT.rstrip("\n"),
            *methods,
            "",
        ]
    )


def _named(rules: Iterable[Rule]) -> Iterator[tuple[Call, str]]:
    names = Names(_KINDS)
    for call in calls_of(rules):
        if call.kind == "track" or call.name:
            wanted = snake(call.name if call.kind == "track" else f"{call.kind} {call.name}")
            wanted = f"{wanted}_v{call.version}" if call.version != 1 else wanted
            yield (
                call,
                names.give(f"{wanted}_" if keyword.iskeyword(wanted) or keyword.issoftkeyword(wanted) else wanted),
            )
        else:
            yield call, call.kind


class _Types:
    """The classes of a module, each written once, the inner ones first."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = Names(_TYPES)

    def of(self, found: Type, name: str) -> str:
        match found:
            case Anything():
                return "Any"
            case Scalar():
                return _SCALARS[found.name]
            case Choice():
                return f"Literal[{', '.join(ascii(value) for value in found.values)}]"
            case List():
                return f"list[{self.of(found.items, f'{name} Item')}]"
            case Union():
                return " | ".join(self.of(each, f"{name} {number}") for number, each in enumerate(found.members, 1))
            case Record():
                return self._record(found, name) if found.fields else "dict[str, Any]"

    def _record(self, record: Record, wanted: str) -> str:
        name = self._names.give(pascal(wanted))
        fields = [line for field in record.fields for line in self._field(field, wanted)]
        self.lines += ["", f"{name} = TypedDict(", f"    {name!a},", "    {", *fields, "    },", ")"]
        return name

    def _field(self, field: Field, owner: str) -> list[str]:
        kind = self.of(field.type, f"{owner} {field.name}")
        kind = kind if field.is_required else f"NotRequired[{kind}]"
        return [*_comment(field.description, 8), f"        {field.name!a}: {kind},"]


def _method(call: Call, name: str, types: _Types) -> list[str]:
    holder = "traits" if call.kind in ("identify", "group") else "properties"
    kind = types.of(call.holds, f"{name} {holder}") if call.holds.fields else "Mapping[str, Any]"
    taken = f"{holder}: {kind}" if call.is_holder_required else f"{holder}: {kind} | None = None"
    given = f"dict({holder})" if call.is_holder_required else f"dict({holder} or {{}})"
    own, passed = _own_argument(call)
    options = f"_of_version(options, {call.version})" if call.version != 1 else "options"
    return [
        "",
        f"    def {name}(self, {own}{taken}, **options: Unpack[Options]) -> None:",
        *_comment(call.description, 8),
        f"        self._client.{call.kind}({passed}{holder}={given}, **{options})",
    ]


def _own_argument(call: Call) -> tuple[str, str]:
    """What the call takes first, and what the client gets of it."""
    match call.kind:
        case "track":
            return "", f"event={call.name!a}, "
        case "group":
            return "group_id: str, ", "group_id=group_id, "
        case "page" | "screen":
            return ("", f"name={call.name!a}, ") if call.name else ("name: str, ", "name=name, ")
    return "", ""


def _comment(text: str, indent: int) -> list[str]:
    return [f"{' ' * indent}# {told}"] if (told := on_one_line(text)) else []
