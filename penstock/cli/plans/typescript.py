"""A typed tracking module in TypeScript, on top of the official SDKs; it passes `tsc --strict`.

Names and descriptions of a plan are somebody's text: they get into the module as literals, or as printable comments.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Literal

from penstock.cli.plans.names import Names, camel, on_one_line
from penstock.cli.plans.shape import Anything, Call, Choice, Field, List, Record, Rule, Scalar, Type, Union, calls_of

Sdk = Literal["node", "browser"]
_SCALARS = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
_OBJECT = "Record<string, unknown>"
_OPTIONS = """  context?: Record<string, unknown>;
  integrations?: Record<string, boolean | Record<string, unknown>>;
  timestamp?: Date | string;
  messageId?: string;
"""
_HEADS: dict[Sdk, str] = {
    "node": f"""// Typed calls of a tracking plan, made by `penstock plan codegen`: change the plan, not this file.
//   const tracking = new Tracking(new Analytics({{ writeKey, host }}));  // of @segment/analytics-node

export type Identity = {{ userId: string; anonymousId?: string }} | {{ userId?: string; anonymousId: string }};

export type Options = Identity & {{
{_OPTIONS}}};

/** What is asked of a client of @segment/analytics-node. */
export interface Client {{
  track(message: Options & {{ event: string; properties: Record<string, unknown> }}): unknown;
  identify(message: Options & {{ traits: Record<string, unknown> }}): unknown;
  group(message: Options & {{ groupId: string; traits: Record<string, unknown> }}): unknown;
  page(message: Options & {{ name: string; properties: Record<string, unknown> }}): unknown;
  screen(message: Options & {{ name: string; properties: Record<string, unknown> }}): unknown;
}}
""",
    "browser": f"""// Typed calls of a tracking plan, made by `penstock plan codegen`: change the plan, not this file.
//   const tracking = new Tracking(AnalyticsBrowser.load({{ writeKey }}));  // of @segment/analytics-next

export type Options = {{
  anonymousId?: string;
{_OPTIONS}}};

/** What is asked of a client of @segment/analytics-next. */
export interface Client {{
  track(event: string, properties: Record<string, unknown>, options?: Options): unknown;
  identify(userId: string | undefined, traits: Record<string, unknown>, options?: Options): unknown;
  group(groupId: string, traits: Record<string, unknown>, options?: Options): unknown;
  page(category: undefined, name: string, properties: Record<string, unknown>, options?: Options): unknown;
  screen(category: undefined, name: string, properties: Record<string, unknown>, options?: Options): unknown;
}}
""",
}
_VERSION = """
/** With the version of the rule that judges the event. */
function ofVersion<T extends { context?: Record<string, unknown> }>(options: T, version: number): T {
  const known = options.context?.protocols;
  const protocols = { ...(typeof known === "object" ? known : {}), event_version: version };
  return { ...options, context: { ...options.context, protocols } };
}
"""
_KINDS = frozenset({"track", "identify", "group", "page", "screen", "constructor", "client"})


def module_of(rules: Iterable[Rule], plan_name: str, sdk: Sdk) -> str:
    """The module's text."""
    calls = list(_named(rules))
    version = [_VERSION] if any(call.version != 1 for call, _ in calls) else []
    begin = [
        _HEADS[sdk],
        *version,
        f"/** Every call of the plan. */\nexport class Tracking {{\n  // The plan is called {json.dumps(plan_name)}.",
        "  constructor(private readonly client: Client) {}",
    ]
    return "\n".join([*begin, *(line for call, name in calls for line in _method(call, name, sdk)), "}", ""])


def _named(rules: Iterable[Rule]) -> Iterator[tuple[Call, str]]:
    names = Names(_KINDS)
    for call in calls_of(rules):
        if call.kind == "track" or call.name:
            wanted = camel(call.name if call.kind == "track" else f"{call.kind} {call.name}")
            yield call, names.give(f"{wanted}V{call.version}" if call.version != 1 else wanted)
        else:
            yield call, call.kind


def type_text(found: Type) -> str:
    match found:
        case Anything():
            return "unknown"
        case Scalar():
            return _SCALARS[found.name]
        case Choice():
            return " | ".join(json.dumps(value) for value in found.values)
        case List():
            return f"Array<{type_text(found.items)}>"
        case Union():
            return " | ".join(map(type_text, found.members))
        case Record():
            return f"{{ {' '.join(map(_field, found.fields))} }}" if found.fields else _OBJECT


def _field(field: Field) -> str:
    return f"{json.dumps(field.name)}{'' if field.is_required else '?'}: {type_text(field.type)};"


def _method(call: Call, name: str, sdk: Sdk) -> list[str]:
    holder = "traits" if call.kind in ("identify", "group") else "properties"
    kind = type_text(call.holds) if call.holds.fields else _OBJECT
    given = holder if call.is_holder_required else f"{holder} ?? {{}}"
    optional = "" if call.is_holder_required else " | undefined"
    own, literal = _own_argument(call, sdk)
    taken = [
        *([f"{own}: string{' | undefined' if own == 'userId' else ''}"] if own else []),
        f"{holder}: {kind}{optional}",
    ]
    taken.append("options: Options" if sdk == "node" else "options: Options = {}")
    options = f"ofVersion(options, {call.version})" if call.version != 1 else "options"
    body = (
        _node(call, own, literal, holder, given, options)
        if sdk == "node"
        else _browser(call, own, literal, given, options)
    )
    return [
        "",
        *_comment(call.description),
        f"  {name}({', '.join(taken)}): void {{",
        f"    this.client.{body};",
        "  }",
    ]


def _node(call: Call, own: str, literal: str, holder: str, given: str, options: str) -> str:
    """A call whose message is one object."""
    key = {"track": "event", "group": "groupId", "page": "name", "screen": "name"}.get(call.kind, "")
    first = f"{key}: {literal or own}, " if key else ""
    return f"{call.kind}({{ ...{options}, {first}{holder}: {given} }})"


def _browser(call: Call, own: str, literal: str, given: str, options: str) -> str:
    """A call with arguments in their places."""
    category = "undefined, " if call.kind in ("page", "screen") else ""
    return f"{call.kind}({category}{literal or own}, {given}, {options})"


def _own_argument(call: Call, sdk: Sdk) -> tuple[str, str]:
    """The name of what the call takes first, or the literal that the client gets instead."""
    match call.kind:
        case "track":
            return "", json.dumps(call.name)
        case "group":
            return "groupId", ""
        case "page" | "screen":
            return ("", json.dumps(call.name)) if call.name else ("name", "")
    return ("userId", "") if sdk == "browser" else ("", "")


def _comment(text: str) -> list[str]:
    return [f"  // {told}"] if (told := on_one_line(text)) else []
