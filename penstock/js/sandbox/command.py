"""The command line of a process for foreign code. What it may do is said here: nothing.

Invariants:
- No permission is granted: files, environment, network, subprocesses, foreign functions and system facts are refused.
- `--no-prompt`: what is refused fails, it does not ask. `--no-remote` and `--no-npm`: no code comes from elsewhere.
- Settings and code never stand here, where every process of the machine could read them.
- Deno's own directory cannot be: `localStorage` and `caches` need no permission, and would lie there for the code of
  every workspace to read.
- No graphics driver is loaded: WebGPU needs no permission, and a driver is native code that starts threads, and keeps
  what it compiled in the home directory.
"""

from pathlib import Path

ENVIRONMENT = {
    "DENO_DIR": "/dev/null/none",
    "DENO_NO_UPDATE_CHECK": "1",
    "DENO_WEBGPU_BACKEND": "none",
    "NO_COLOR": "1",
}
"""All of it; what runs inside sees none."""
DIRECTORY = "/"
"""Where the process stands: it may ask, so it is nowhere of interest."""
HOST = Path(__file__).parent / "host"
HEAP_MEGABYTES = 128
_NOTHING = ("--no-prompt", "--no-config", "--no-remote", "--no-npm", "--no-lock", "--ignore-env", "--quiet")


def sandbox_command(deno: Path, program: str, heap_megabytes: int = HEAP_MEGABYTES) -> list[str]:
    """The command that runs one program of `host/`."""
    return [str(deno), "run", *_NOTHING, f"--v8-flags=--max-old-space-size={heap_megabytes}", str(HOST / program)]
