"""What is generated is checked by the real checkers, for plans as people write them and for hostile ones."""

import ast
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.cli.plans import python, typescript
from penstock.js.deno import find_deno

ORDER = {
    "type": "object",
    "required": ["order id", "products"],
    "properties": {
        "order id": {"type": "string", "description": 'The "id"\n of it */ """'},
        "total": {"type": ["number", "null"]},
        "kind": {"enum": ["gift", "own", 3, True, None]},
        "products": {
            "type": "array",
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}},
        },
        "anything": {},
        "class": {"type": "boolean"},
        "nested": {"properties": {"depth": {"type": "integer"}}},
    },
}


def rule(kind, key="", version=1, holder="properties", **schema):
    held = {"properties": {holder: schema}} if schema else {}
    return {"type": kind, "key": key, "version": version, "jsonSchema": held}


RULES = [
    rule("TRACK", "Order Completed", **ORDER),
    rule("TRACK", "Order Completed", 2, **ORDER),
    rule("TRACK", "order completed"),
    rule("TRACK", "class"),
    rule("TRACK", "client"),
    rule("TRACK", "constructor"),
    rule("TRACK", "3 Things"),
    rule("TRACK", "日本"),
    rule("TRACK", '"""); import os\n#*/ `${x}` \u2028'),
    rule("TRACK", "identify"),
    rule("IDENTIFY", holder="traits", properties={"email": {"type": "string"}}),
    rule("IDENTIFY", version=2),
    rule("GROUP"),
    rule("PAGE", "Home", properties={"url": {"const": "https://example.com"}}),
    rule("PAGE"),
    rule("SCREEN"),
    rule("COMMON"),
]
USE_PYTHON = """
from tracking import Tracking, Client

def use(client: Client) -> None:
    tracking = Tracking(client)
    tracking.order_completed({"order id": "o1", "total": None, "kind": "gift", "products": [{"sku": "s"}]}, user_id="u")
    tracking.order_completed_v2({"order id": "o1", "products": []}, anonymous_id="a", context={"ip": "0.0.0.0"})
    tracking.identify({"email": "a@example.com"}, user_id="u")
    tracking.group("g", user_id="u")
    tracking.page_home({"url": "https://example.com"}, user_id="u")
"""
USE_TYPESCRIPT = """
import { Tracking, type Client } from "./tracking.ts";
export function use(client: Client): void {
  const tracking = new Tracking(client);
  tracking.orderCompleted({ "order id": "o1", total: null, kind: "gift", products: [{ sku: "s" }] }, { userId: "u" });
  tracking.orderCompletedV2({ "order id": "o1", products: [] }, { anonymousId: "a", context: { ip: "0.0.0.0" } });
}
"""


WRONG_PYTHON = USE_PYTHON.replace('"total": None', '"total": "much"').replace('"products": []', '"unplanned": 1')
WRONG_TYPESCRIPT = USE_TYPESCRIPT.replace("total: null", 'total: "much"')


def told(folder, command, environment=None):
    """What a checker says of all files of a folder at once: for each of them it would begin anew."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def of_mypy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    (folder / "tracking.py").write_text(python.module_of(RULES, 'Shop """ \n import os'))
    (folder / "right.py").write_text(USE_PYTHON)
    (folder / "wrong.py").write_text(WRONG_PYTHON)
    return told(folder, [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", "."])


class TestPython:
    def test_what_is_generated_and_who_uses_it_rightly_pass_mypy_strict(self, of_mypy):
        assert {line.split(":")[0] for line in of_mypy.splitlines() if ": error:" in line} == {"wrong.py"}
        assert "(checked 3 source files)" in of_mypy

    def test_who_uses_it_wrongly_does_not(self, of_mypy):
        assert 'incompatible type (expression has type "str"' in of_mypy or '"total" has type' in of_mypy
        assert "unplanned" in of_mypy


@pytest.fixture(scope="module")
def of_deno(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "tracking.ts").write_text(typescript.module_of(RULES, "Shop */ \n x", "node"))
    (folder / "browser.ts").write_text(typescript.module_of(RULES, "Shop */ \n x", "browser"))
    (folder / "right.ts").write_text(USE_TYPESCRIPT)
    (folder / "wrong.ts").write_text(WRONG_TYPESCRIPT)
    files = ["browser.ts", "right.ts", "tracking.ts", "wrong.ts"]
    command = [str(find_deno()), "check", "--no-remote", "--no-config", *files]
    return told(folder, command, {"DENO_DIR": str(folder / "cache"), "NO_COLOR": "1"})


class TestTypeScript:
    def test_what_is_generated_for_node_and_for_browsers_passes_the_strict_checker(self, of_deno):
        assert set(re.findall(r"(?s)\[ERROR\].*?at file://\S*/(\w+\.ts):", of_deno)) == {"wrong.ts"}
        assert all(f"Check {name}.ts" in of_deno for name in ("browser", "right", "tracking"))

    def test_who_uses_it_wrongly_does_not(self, of_deno):
        assert "Type 'string' is not assignable to type 'number'" in of_deno


TEXTS = st.text(max_size=20)
PLANS = st.lists(
    st.builds(
        lambda kind, key, version, name, text: rule(
            kind, key, version, properties={name: {"enum": [text], "description": text}}, description=text
        ),
        st.sampled_from(["TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN"]),
        TEXTS,
        st.integers(1, 3),
        TEXTS,
        TEXTS,
    ),
    max_size=4,
)


@given(PLANS, TEXTS)
def test_no_name_gets_out_of_its_literal(plan, title):
    """The module has the statements that every module has: imports, classes, types, and calls of the client."""
    tree = ast.parse(python.module_of(plan, title))
    allowed = (ast.Expr, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign)
    assert all(isinstance(node, allowed) for node in tree.body)
    assert [node.module for node in tree.body if isinstance(node, ast.ImportFrom)] == [
        "collections.abc",
        "datetime",
        "typing",
    ]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called <= {"dict", "options.get", "context.get", "TypedDict", "_of_version"} | {
        f"self._client.{kind}" for kind in ("track", "identify", "group", "page", "screen")
    }


@given(PLANS, TEXTS)
def test_no_line_of_typescript_begins_with_somebodys_text(plan, title):
    """Literals are JSON in ASCII, and comments are one line: what a text holds cannot end either."""
    for line in typescript.module_of(plan, title, "node").split("\n"):
        assert line.isprintable()
        code = line.strip()
        if not code.startswith("//"):
            assert code.isascii()


def test_every_event_is_sent_as_the_plan_names_it(tmp_path):
    sent = []

    class Recorder:
        def __getattr__(self, kind):
            return lambda **given: sent.append((kind, given))

    module = {}
    exec(python.module_of(RULES, "Shop"), module)  # noqa: S102 - it was generated a moment ago
    tracking = module["Tracking"](Recorder())
    tracking.order_completed_v2({"order id": "o", "products": []}, user_id="u", context={"protocols": {"a": 1}})
    tracking.group("g", anonymous_id="a")
    assert sent == [
        (
            "track",
            {
                "event": "Order Completed",
                "properties": {"order id": "o", "products": []},
                "user_id": "u",
                "context": {"protocols": {"a": 1, "event_version": 2}},
            },
        ),
        ("group", {"group_id": "g", "traits": {}, "anonymous_id": "a"}),
    ]
    assert json.dumps(sent)
