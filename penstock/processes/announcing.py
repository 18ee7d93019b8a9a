"""How a role that was started alone (`penstock run`) says that it works: a banner, and a file that a script waits for.

Under `penstock up` a role says nothing: the supervisor speaks for all.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from penstock.kit.backoff import backoff
from penstock.processes.data_directory import write_atomically
from penstock.processes.environment import ALONE_VARIABLE, READY_FILE_VARIABLE
from penstock.processes.ports import is_listening


class RoleReady(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What `--ready-file` of one role tells; an address only where the role has one."""

    role: str
    pid: int
    url: str = ""
    token: str = ""
    write_key: str = ""


def announce(role: str, url: str = "", *, token: str = "", write_key: str = "") -> None:
    """Say that the role works, where somebody waits for that."""
    if ALONE_VARIABLE not in os.environ:
        return
    ready = RoleReady(role, os.getpid(), url, token, write_key)
    if file := os.environ.get(READY_FILE_VARIABLE):
        write_atomically(Path(file), msgspec.json.encode(ready).decode())
    keys = f"\n\n  Public API token  {token}\n  Write key         {write_key}\n" if token else ""
    sys.stdout.write(f"\nPenstock's {role} is ready{f' at {url}' if url else ''}. Ctrl-C stops it.{keys}\n")
    sys.stdout.flush()


async def announce_listening(role: str, port: int, *, token: str, write_key: str) -> None:
    """Say so once the role's port takes connections. Never returns: a part that ends would end the others."""
    for wait in backoff(0.02, 0.5):
        if await asyncio.to_thread(is_listening, port):
            break
        await asyncio.sleep(wait)
    announce(role, f"http://127.0.0.1:{port}", token=token, write_key=write_key)
    await asyncio.Event().wait()
