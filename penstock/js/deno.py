"""Where Deno is, and the command line that confines a runner (js-runtime.md §6)."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from penstock.infra.http import OutboundPolicy
from penstock.js.errors import DenoMissing

BUNDLE = Path(__file__).parent / "bundle" / "runner.js"
MODULES = BUNDLE.with_name("modules")
_HEAP_MEGABYTES = 1024
_PASSED = ("HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME", "DENO_DIR", "DENO_CERT", "DENO_TLS_CA_STORE", "SSL_CERT_FILE")


def find_deno() -> Path:
    """The program of the PyPI wheel beside this Python, else the one on the PATH. Raises DenoMissing."""
    name = "deno.exe" if sys.platform == "win32" else "deno"
    for directory in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        program = Path(directory) / name
        if program.is_file() and os.access(program, os.X_OK):
            return program
    found = shutil.which("deno")
    if found is None:
        raise DenoMissing("Deno is neither beside this Python nor on the PATH; `pip install deno` brings it")
    return Path(found)


def runner_command(deno: Path, bundle: Path, policy: OutboundPolicy) -> list[str]:
    """The command of one runner. The deny list is the second line; the host judges first."""
    return [
        str(deno),
        "run",
        "--no-prompt",
        "--no-config",
        "--no-remote",
        "--no-npm",
        "--no-lock",
        "--quiet",
        "--ignore-env",
        "--allow-sys=homedir,cpus,uid",
        f"--allow-read={bundle.parent}",
        "--allow-net",
        policy.deny_net_flags(),
        f"--v8-flags=--max-old-space-size={_HEAP_MEGABYTES}",
        str(bundle),
        policy.to_runner_json().decode(),
    ]


def runner_environment() -> dict[str, str]:
    """What Deno itself needs; the code inside sees an empty environment."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {**passed, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "NODE_NO_WARNINGS": "1"}
