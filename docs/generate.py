"""Writes the pages of docs/ that repeat what the code says; `--check` fails where a page is not what it would write."""

import sys
from pathlib import Path

import msgspec

from penstock.kit.settings import PREFIX, Settings, fields
from penstock.spec.stores import FILE_STORES, STREAM_STORES, Store

DOCS = Path(__file__).resolve().parent
MARK = "<!-- Written by `make docs`; edits here are lost. -->"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        MARK,
        "",
        "A flag wins over the environment, the environment over `penstock.toml`, that over the default. Lists are",
        "written with commas in the environment. `penstock config` prints the effective values. A value that is",
        "refused is named at start. The ending of a name is its unit.",
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
        "is the name of a setting, see [settings](settings.md).",
    ]
    for title, stores in (("In the log engine, by subject", STREAM_STORES), ("In the data directory", FILE_STORES)):
        lines += ["", f"## {title}", "", "| Store | Where | Keeps | Forgets | By when |", "|---|---|---|---|---|"]
        lines += [row(store) for store in stores]
    return "\n".join(lines) + "\n"


def row(store: Store) -> str:
    where = ", ".join(f"`{pattern}`" for pattern in store.where)
    until = f"`{store.until}`" if store.until in fields() else store.until
    return f"| {store.name} | {where} | {store.keeps} | {store.forgets} | {until} |"


PAGES = {"settings.md": settings_page, "stores.md": stores_page}


def main(arguments: list[str]) -> int:
    stale = []
    for name, page in PAGES.items():
        file, text = DOCS / name, page()
        if file.exists() and file.read_text() == text:
            continue
        if "--check" in arguments:
            stale.append(name)
        else:
            file.write_text(text)
            sys.stdout.write(f"wrote docs/{name}\n")
    if stale:
        sys.stderr.write(f"docs/{', docs/'.join(stale)} is out of date; run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
