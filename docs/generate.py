"""Writes the files that repeat what the code says: pages of docs/, the client of the API, the command table.

`--check` fails where a file is not what would be written.
"""

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from penstock.api.openapi import document_of
from penstock.api.openapi.command_table import command_table
from penstock.api.openapi.python_client import client_files
from penstock.api.roles import OWNER_ID, ROLES
from penstock.catalog.destinations import load_destination_catalog, takes_deletions
from penstock.kit.settings import PREFIX, Settings, fields
from penstock.resources.slices import OPERATIONS
from penstock.spec.stores import FILE_STORES, STREAM_STORES, Store

ROOT = Path(__file__).resolve().parent.parent
CLIENT = "penstock/client/public_api"
HEADER = ("| Store | Where | Keeps | Forgets | By when | On a low disk |", "|---|---|---|---|---|---|")
MARK = "<!-- Written by `make docs`; edits here are lost. -->"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        MARK,
        "",
        "A flag wins over the environment, the environment over `penstock.toml`, that over the default. Lists are",
        "written with commas in the environment. `penstock config` prints the effective values. A value that is",
        "refused is named at start, and so is a key of `penstock.toml` that is no setting. A variable that begins with",
        f"`{PREFIX}` and is none is warned of, at start and by `penstock config`. The ending of a name is its unit.",
        "",
        "| `penstock.toml` | Environment | Default | Meaning | Restart |",
        "|---|---|---|---|---|",
    ]
    defaults = Settings()
    for name, field in fields().items():
        default = msgspec.to_builtins(getattr(defaults, name))
        shown = ", ".join(map(str, default)) if field.is_list else str(default)
        about = field.description + (" Secret." if field.is_secret else "")
        restart = "yes" if field.needs_restart else "no"
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {f'`{shown}`' if shown else ''} | {about} | {restart} |")
    return "\n".join(lines) + "\n"


def stores_page() -> str:
    lines = [
        "# What is stored, and how it is forgotten",
        "",
        MARK,
        "",
        "From `penstock/spec/stores.py`. A test fails on a file or a stream that is not listed there. Where `By when`",
        "is the name of a setting, see [settings](settings.md); for what a low disk is,",
        "[growing](growing.md#when-the-disk-fills).",
    ]
    for title, stores in (("In the log engine, by subject", STREAM_STORES), ("In the data directory", FILE_STORES)):
        lines += ["", f"## {title}", "", *HEADER]
        lines += [row(store) for store in stores]
    return "\n".join(lines) + "\n"


def row(store: Store) -> str:
    where = ", ".join(f"`{pattern}`" for pattern in store.where)
    until = f"`{store.until}`" if store.until in fields() else store.until
    return f"| {store.name} | {where} | {store.keeps} | {store.forgets} | {until} | {store.when_low} |"


def permissions_page() -> str:
    lines = [
        "# Roles and permissions",
        "",
        MARK,
        "",
        "From `penstock/api/roles.py` and from what operations declare; [access](access.md) says how they are judged.",
        "Whoever administers something also reads it.",
        "",
        "## Roles",
        "",
        "| Role | What it is for | Permissions | Given on |",
        "|---|---|---|---|",
    ]
    for role in ROLES:
        held = "all" if role.id == OWNER_ID else ", ".join(f"`{each}`" for each in sorted(role.permissions))
        on = "the workspace"
        if role.narrowed:
            on += f"{', labels' if role.has_labels else ''}, single {role.narrowed.lower()}s"
        lines.append(f"| {role.name} | {role.description} | {held} | {on} |")
    lines += ["", "## Operations", "", "`anywhere` means that holding it on a part is enough.", ""]
    lines += ["| Operation | Path | Needs |", "|---|---|---|"]
    for operation in OPERATIONS:
        needs = ", ".join(f"`{need.permission}`{' anywhere' if need.is_anywhere else ''}" for need in operation.needs)
        lines.append(f"| `{operation.id}` | `{operation.method} {operation.paths[0]}` | {needs} |")
    return "\n".join(lines) + "\n"


def deletions_page() -> str:
    catalog = load_destination_catalog().values()
    lines = [
        "# Destinations that take deletions",
        "",
        MARK,
        "",
        "By the `onDelete` of their official code a deletion is forwarded to these; so to functions that have one.",
        "See [privacy](privacy.md#forwarding). To all others somebody else has to tell whom they are to forget.",
        "",
        "| Destination | Slug | Settings |",
        "|---|---|---|",
    ]
    for each in filter(takes_deletions, catalog):
        settings = ", ".join(f"`{option.name}`" for option in each.options)
        lines.append(f"| {each.name} | `{each.slug}` | {settings} |")
    empty = ", ".join(each.name for each in catalog if each.traits.supports_delete and not takes_deletions(each))
    lines += ["", f"The code of {empty} has the handler, and it does nothing: they count as destinations without one."]
    return "\n".join(lines) + "\n"


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "generated.py", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout  # noqa: S603


def files() -> dict[str, str]:
    """Texts by path."""
    document = document_of(OPERATIONS)
    commands = json.dumps(command_table(document), indent=1, ensure_ascii=False) + "\n"
    return {
        "docs/settings.md": settings_page(),
        "docs/stores.md": stores_page(),
        "docs/forwarded-deletions.md": deletions_page(),
        "docs/permissions.md": permissions_page(),
        "penstock/cli/resources/commands.json": commands,
        **{f"{CLIENT}/{name}": formatted(text) for name, text in client_files(document).items()},
    }


def main(arguments: list[str]) -> int:
    written = files()
    stale = [name for name, text in written.items() if not is_current(ROOT / name, text)]
    # A tag that is gone leaves its module behind.
    stale += [name for file in (ROOT / CLIENT).glob("*.py") if (name := f"{CLIENT}/{file.name}") not in written]
    if stale and "--check" in arguments:
        sys.stderr.write(f"{', '.join(stale)} is out of date; run `make docs`\n")
        return 1
    for name in stale:
        if name in written:
            (ROOT / name).write_text(written[name])
        else:
            (ROOT / name).unlink()
        sys.stdout.write(f"wrote {name}\n")
    return 0


def is_current(file: Path, text: str) -> bool:
    return file.exists() and file.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
