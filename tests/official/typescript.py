"""The official TypeScript client as a program under Deno, from the lock file beside this module."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

from penstock.js.deno import find_deno
from tests.official.asking import JSON, Answer

HERE = Path(__file__).parent
FILES = ("package.json", "deno.lock", "client.ts")


class TypeScriptClient:
    """Sends to one address with one token. A context."""

    name = "typescript"
    writes_objects = True

    def __init__(self, folder: Path, url: str, token: str) -> None:
        for name in FILES:
            shutil.copyfile(HERE / name, folder / name)
        deno = str(find_deno())
        environment = {**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "NODE_NO_WARNINGS": "1"}
        install = [deno, "install", "--frozen", "--node-modules-dir=auto", "--quiet"]
        subprocess.run(install, cwd=folder, env=environment, check=True, timeout=120)
        run = [deno, "run", "--cached-only", "--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--no-prompt"]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([*run, "client.ts", url, token], cwd=folder, env=environment, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def send(self, operation: str, values: dict[str, Any], body: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"operation": operation, "values": values, "body": body}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "status" in answer, (operation, answer)
        if "read" in answer:
            # It keeps what its own version knows: never less than the names of what was asked for.
            assert answer["read"]["data"].keys() == answer["body"]["data"].keys(), operation
        media_type = answer["headers"].get("content-type", JSON).split(";")[0]
        return Answer(answer["status"], media_type, answer["body"])
