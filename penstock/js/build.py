"""Builds `bundle/`: `python -m penstock.js.build`. `runner.js` is one file of host and official destination code;
`analytics/` holds the official library for browsers as it is published; `modules/` what functions may use, by files.

The packages come by `deno install` from the lock file, frozen and without install scripts, into a cache directory
outside the source tree; esbuild (its native program, from the same install) bundles. Nothing is done while the stamp
beside the bundle equals the hash of everything that goes in.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from penstock.js.deno import BUNDLE, MODULES, find_deno
from penstock.js.errors import BuildFailed, RunnersError

HERE = Path(__file__).parent
_OF_MODULES = HERE / "sandbox" / "packages"
_REGISTER = re.compile(r"register\('([0-9a-f]{24})', '\./([\w.-]+)'\)")
_BANNER = (
    'import{createRequire as __createRequire}from"node:module";'
    'const require=__createRequire(import.meta.url);const __dirname=import.meta.dirname;const __filename="runner.js";'
)
# The global object of a function has a `window` too, and must not make a module think that it is in a browser.
_OF_NODE = ["--format=cjs", "--define:window=undefined"]
Say = Callable[[str], None]


def build(*, is_forced: bool = False, directory: Path | None = None, say: Say = print) -> Path:
    """The path of an up-to-date bundle. Raises BuildFailed, DenoMissing."""
    stamp = fingerprint()
    if not is_forced and _stands(BUNDLE, stamp):
        say("The bundle is up to date.")
        return BUNDLE
    place = install(HERE, directory, say)
    entry = place / "destinations.cjs"
    entry.write_text(entry_code((_package(place) / "dist/destinations/index.js").read_text()))
    BUNDLE.parent.mkdir(exist_ok=True)
    bundle_host(place, entry, BUNDLE, say)
    copy_analytics(place, BUNDLE.parent / "analytics")
    _done(BUNDLE, stamp, say)
    return BUNDLE


def build_modules(*, is_forced: bool = False, say: Say = print) -> Path:
    """The directory of up-to-date files of the modules that functions may use. Raises BuildFailed, DenoMissing."""
    entries = sorted(_OF_MODULES.glob("*.cjs"))
    stamp = _hash([HERE / "build.py", _OF_MODULES / "package.json", _OF_MODULES / "deno.lock", *entries])
    if not is_forced and _stands(MODULES, stamp):
        say("The modules are up to date.")
        return MODULES
    place = install(_OF_MODULES, None, say)
    MODULES.mkdir(parents=True, exist_ok=True)
    say("Bundling …")
    for entry in entries:
        shutil.copyfile(entry, place / entry.name)
        _bundle(place, place / entry.name, MODULES / f"{entry.stem}.js", _OF_NODE)
    _done(MODULES, stamp, say)
    return MODULES


def _stands(target: Path, stamp: str) -> bool:
    file = target.with_suffix(".stamp")
    return target.exists() and file.exists() and file.read_text() == stamp


def _done(target: Path, stamp: str, say: Say) -> None:
    target.with_suffix(".stamp").write_text(stamp)
    built = target.glob("*.js") if target.is_dir() else [target]
    say(f"Built {target.name}, {sum(each.stat().st_size for each in built) / 1e6:.1f} MB.")


def fingerprint() -> str:
    """The hash of everything that decides what the bundle holds."""
    return _hash([HERE / "package.json", HERE / "deno.lock", HERE / "build.py", *sorted((HERE / "host").glob("*.ts"))])


def entry_code(index: str) -> str:
    """A module that requires each destination when it is asked for: the package's own index requires all at once."""
    found = _REGISTER.findall(index)
    if not found:
        raise BuildFailed("the package's index lists no destinations")
    lines = [
        f'  "{identifier}": () => require("@segment/action-destinations/dist/destinations/{directory}").default,'
        for identifier, directory in found
    ]
    return "\n".join(
        [
            'const core = require("@segment/actions-core");',
            "exports.core = core;",
            "exports.Destination = core.Destination;",
            "exports.socketFetch = core.fetch;",
            "exports.loaders = {",
            *lines,
            "};",
            "",
        ]
    )


def install(packages: Path, directory: Path | None, say: Say) -> Path:
    """The directory that holds what the lock in `packages` names."""
    listed = ("package.json", "deno.lock")
    place = directory or _cache() / _hash([packages / name for name in listed])[:16]
    place.mkdir(parents=True, exist_ok=True)
    for name in listed:
        shutil.copyfile(packages / name, place / name)
    say(f"Installing packages from the lock into {place} …")
    _run([str(find_deno()), "install", "--frozen", "--node-modules-dir=auto", "--quiet"], place)
    return place


def bundle_host(place: Path, entry: Path, target: Path, say: Say) -> None:
    """Write the host with the destinations of `entry`, a module inside of `place`, to `target`."""
    say("Bundling …")
    options = [
        "--format=esm",
        "--loader:.node=empty",
        "--external:cpu-features",
        f"--alias:penstock-destinations={entry}",
        f"--banner:js={_BANNER}",
    ]
    _bundle(place, HERE / "host" / "runner.ts", target, options)


def _bundle(place: Path, entry: Path, target: Path, options: list[str]) -> None:
    programs = sorted((place / "node_modules/.deno").glob("@esbuild+*/node_modules/@esbuild/*/bin/esbuild"))
    if not programs:
        raise BuildFailed("no esbuild for this machine came with the packages")
    made = target.with_suffix(".part")
    command = [
        str(programs[0]),
        str(entry),
        "--bundle",
        "--platform=node",
        "--target=esnext",
        "--minify",
        # Errors are told apart by the names of their classes.
        "--keep-names",
        "--legal-comments=none",
        "--log-level=error",
        *options,
        f"--outfile={made}",
    ]
    _run(command, place)
    made.replace(target)


def copy_analytics(place: Path, target: Path) -> None:
    """The standalone build of analytics.js and the pieces that it loads, without their maps."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    found = sorted((place / "node_modules/@segment/analytics-next/dist/umd").glob("*.js"))
    if not any(file.name == "standalone.js" for file in found):
        raise BuildFailed("the package @segment/analytics-next has no standalone build")
    for file in found:
        if file.name != "index.js":
            shutil.copyfile(file, target / file.name)


def _package(place: Path) -> Path:
    return place / "node_modules/@segment/action-destinations"


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "penstock" / "js"


def _run(command: list[str], directory: Path) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildFailed(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}:\n{done.stderr[-4000:]}")


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m penstock.js.build", description="Build the runners' bundle.")
    parser.add_argument("--force", action="store_true", help="build even where nothing changed")
    parser.add_argument("--directory", type=Path, help="where packages are installed")
    given = parser.parse_args()
    try:
        build(is_forced=given.force, directory=given.directory, say=_say)
        build_modules(is_forced=given.force, say=_say)
    except RunnersError as error:
        print(f"The bundle cannot be built: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
