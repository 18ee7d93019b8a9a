"""The import contracts of `pyproject.toml`, run by import-linter over the packages that exist so far.

A contract may name a package that a later part brings; it is left out until then. Run as a program by `make check`.
"""

import sys
import tempfile
import tomllib
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parent.parent.parent
LISTS = ("source_modules", "forbidden_modules", "modules")


def contracts() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def exists(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return not module.startswith("penstock") or path.is_dir() or path.with_suffix(".py").is_file()


def standing(contract: dict) -> dict:
    """The contract without the packages that are not there yet. Layers mark those as optional themselves."""
    kept = {name: value for name, value in contract.items() if name not in LISTS}
    for name in LISTS:
        if name in contract:
            kept[name] = [module for module in contract[name] if exists(module)]
    return kept


def as_toml(config: dict) -> str:
    lines = ["[tool.importlinter]"]
    lines += [f"{name} = {literal(value)}" for name, value in config.items() if name != "contracts"]
    for contract in map(standing, config["contracts"]):
        if any(contract.get(name) == [] for name in LISTS):
            continue
        lines.append("[[tool.importlinter.contracts]]")
        lines += [f"{name} = {literal(value)}" for name, value in contract.items()]
    return "\n".join(lines) + "\n"


def literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(literal(part) for part in value) + "]"
    return '"' + str(value).replace('"', '\\"') + '"'


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "importlinter.toml"
        file.write_text(as_toml(contracts()))
        return int(lint_imports(config_filename=str(file), no_cache=True))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
