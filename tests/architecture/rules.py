"""House rules that no linter knows, each a function of one module that returns its complaints.

A rule bends only where a table here says so by name, with the reason.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Import, Module, constant, imports

MODULE_LINES = 500
STEP_LINES = 400
COMPOSITION_LINES = 150
CLASS_LINES = 400
FUNCTION_STATEMENTS = 60

EMPTY_NAMES = {"utils", "util", "misc", "common", "helpers", "types", "manager", "handler", "base_service"}

FENCES: dict[str, tuple[str, ...]] = {
    "nats": ("penstock.infra", "penstock.testing"),
    "subprocess": ("penstock.js", "penstock.processes", "penstock.infra.log", "penstock.testing"),
    "asyncio.create_subprocess_exec": (
        "penstock.js",
        "penstock.processes",
        "penstock.infra.log",
        "penstock.testing",
    ),
    "asyncio.create_subprocess_shell": (),
    "os.system": (),
    "duckdb": ("penstock.catalog.warehouses.duckdb", "penstock.testing.searching"),
    "psycopg": ("penstock.catalog.warehouses.postgres", "penstock.infra.db", "penstock.testing"),
    "sqlalchemy": ("penstock.infra.db", "penstock.infra.migrations", "penstock.resources", "penstock.api"),
    # Writing a new migration needs every slice's tables, which infra cannot see.
    "alembic": ("penstock.infra.migrations", "penstock.resources.new_migration"),
    "granian": ("penstock.processes",),
    "rocksdict": ("penstock.pipeline", "penstock.infra", "penstock.testing.searching"),
}
"""Third-party clients and the packages that may speak to them."""

FORBIDDEN_WORDS = {
    "tenant": "workspace",
    "organization": "workspace",
    "organisation": "workspace",
    "sink": "destination",
    "dwh": "warehouse",
    "blocklist": "suppression",
    "gdpr": "regulation",
    "lambda_function": "function",
}
"""Words of GLOSSARY.md's last column that have no other use in this field, and what is said instead."""


def statements(function: ast.AST) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def sizes(module: Module) -> Iterator[str]:
    limit = MODULE_LINES
    if module.name.startswith("penstock.pipeline.steps."):
        limit = STEP_LINES
    if module.name.startswith("penstock.processes."):
        limit = COMPOSITION_LINES
    if module.lines - 1 > limit:
        yield f"{module.path}: {module.lines - 1} lines, at most {limit}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and statements(node) > FUNCTION_STATEMENTS:
            yield f"{module.path}:{node.lineno}: {node.name} has {statements(node)} statements"
        if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= CLASS_LINES:
            yield f"{module.path}:{node.lineno}: {node.name} is longer than {CLASS_LINES} lines"


def names(module: Module) -> Iterator[str]:
    empty = EMPTY_NAMES & set(module.name.split(".")[1:])
    if empty:
        yield f"{module.path}: {empty.pop()!r} says nothing about what is inside"


def docstring(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: a module opens with a sentence that says what part it plays"


def forbidden_words(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            spoken, line = node.name, node.lineno
        elif isinstance(node, ast.arg):
            spoken, line = node.arg, node.lineno
        else:
            continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", spoken).lower().split("_")
        for word, instead in FORBIDDEN_WORDS.items():
            if word in words:
                yield f"{module.path}:{line}: {spoken!r}: GLOSSARY.md says {instead!r}"


def unfinished(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield f"{module.path}:{node.lineno}: unfinished code is not committed"


def future_annotations(module: Module) -> Iterator[str]:
    """Struct fields are read at run time, and a module may gain a struct any day."""
    for found in imports(module):
        if found.module == "__future__" and "annotations" in found.names:
            yield f"{module.path}:{found.line}: annotations are read at run time"


def fences(module: Module) -> Iterator[str]:
    for line, spoken in [*_imported(module), *_called(module)]:
        for client, allowed in FENCES.items():
            if spoken != client and not spoken.startswith(client + "."):
                continue
            if not any(module.name == package or module.name.startswith(package + ".") for package in allowed):
                yield f"{module.path}:{line}: {client} is spoken to only in {', '.join(allowed) or 'no package'}"


def _imported(module: Module) -> list[tuple[int, str]]:
    spoken = []
    for found in imports(module):
        spoken.append((found.line, found.module))
        spoken += [(found.line, f"{found.module}.{name}") for name in found.names if found.module in {"asyncio", "os"}]
    return spoken


def _called(module: Module) -> list[tuple[int, str]]:
    calls = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    return [(node.lineno, ast.unparse(node.func)) for node in calls if isinstance(node.func, ast.Attribute)]


def testing_stays_in_tests(module: Module) -> Iterator[str]:
    if module.name.startswith("penstock.testing"):
        return
    for found in imports(module):
        if found.reaches("penstock.testing"):
            yield f"{module.path}:{found.line}: penstock.testing is for tests and benchmarks"


def cli_stays_light(module: Module) -> Iterator[str]:
    """Only `up` and `run` reach the processes, inside the function, so that every other command starts fast."""
    if not module.name.startswith("penstock.cli"):
        return
    for found in imports(module):
        if found.reaches("penstock.processes") and not (module.name == "penstock.cli.start" and found.inside_function):
            yield f"{module.path}:{found.line}: only `up` and `run` reach the processes, inside the function"


def slice_of(module_name: str) -> str | None:
    parts = module_name.split(".")
    return parts[2] if len(parts) > 2 and parts[:2] == ["penstock", "resources"] else None


def front_doors(module: Module, slices: dict[str, Module]) -> Iterator[str]:
    """Another slice is entered through its `__init__`, and only by slices that list it in `USES`."""
    own = slice_of(module.name)
    for found in imports(module):
        for entered, door in _entered(found, slices):
            if entered == own:
                continue
            if not door and own is not None:
                yield f"{module.path}:{found.line}: {found.module} is behind the front door of {entered!r}"
            uses = constant(slices[own], "USES") or () if own in slices else None
            if uses is not None and entered not in uses:
                yield f"{module.path}:{found.line}: {own!r} enters {entered!r} without listing it in USES"


def _entered(found: Import, slices: dict[str, Module]) -> Iterator[tuple[str, bool]]:
    if found.module == "penstock.resources":
        yield from ((name, True) for name in found.names if name in slices)
    entered = slice_of(found.module)
    if entered in slices:
        submodules = {name for name in found.names if name in {"operations", "repository", "service", "table"}}
        yield entered, found.module == f"penstock.resources.{entered}" and not submodules
