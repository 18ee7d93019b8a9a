"""What the rules look at: the modules of the package as syntax trees, and the tracked files."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Module:
    """One parsed module. `path` is relative to the root, with slashes."""

    path: str
    tree: ast.Module
    lines: int

    @classmethod
    def parse(cls, path: str, text: str) -> "Module":
        return cls(path, ast.parse(text), text.count("\n") + 1)

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")

    @property
    def is_test(self) -> bool:
        return "/tests/" in self.path or self.path.startswith("tests/")


@dataclass(frozen=True)
class Import:
    """One imported name: `module` is what stands after `from` or `import`, `names` what is taken out of it."""

    module: str
    names: tuple[str, ...]
    line: int
    inside_function: bool

    def reaches(self, package: str) -> bool:
        wanted = [self.module, *(f"{self.module}.{name}" for name in self.names)]
        return any(module == package or module.startswith(package + ".") for module in wanted)


@cache
def modules() -> tuple[Module, ...]:
    """Every module under `penstock/`, tests included, generated migrations left out."""
    files = sorted((ROOT / "penstock").rglob("*.py"))
    kept = [file for file in files if "node_modules" not in file.parts and "versions" not in file.parts]
    return tuple(Module.parse(file.relative_to(ROOT).as_posix(), file.read_text()) for file in kept)


def code() -> list[Module]:
    return [module for module in modules() if not module.is_test]


def imports(module: Module) -> list[Import]:
    """Every import of the module, relative ones made absolute."""
    inside = {
        id(node)
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, (), node.lineno, id(node) in inside) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append(Import(_absolute(module, node), names, node.lineno, id(node) in inside))
    return found


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    parts = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def constant(module: Module, name: str) -> object:
    """The literal value of a module's assignment, or None where there is none."""
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.literal_eval(node.value)  # type: ignore[attr-defined]
    return None


@cache
def tracked_files() -> tuple[str, ...]:
    """Files under version control; where there is no repository (a release archive), every text file there is."""
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return tuple(name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file())
    ignored = {".venv", "node_modules", "__pycache__", "bundle", ".git"}
    files = (file for file in ROOT.rglob("*") if file.is_file() and not ignored & set(file.parts))
    return tuple(file.relative_to(ROOT).as_posix() for file in files)
