"""The official evaluator in a Deno process that lives as long as the tests do."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from penstock.js.deno import find_deno

HERE = Path(__file__).parent


class Oracle:
    """Asks many questions at once; answers come in the same order."""

    def __init__(self, process):
        self._process = process

    def ask(self, questions):
        """The answers: `value`, or `thrown` where the evaluator threw."""
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        writing = Thread(target=self._write, args=(lines,))
        writing.start()
        answers = [json.loads(self._process.stdout.readline()) for _ in questions]
        writing.join()
        return answers

    def _write(self, lines):
        self._process.stdin.write(lines)
        self._process.stdin.flush()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    place = tmp_path_factory.mktemp("oracle")
    for name in ("package.json", "deno.lock", "oracle.ts"):
        shutil.copyfile(HERE / name, place / name)
    deno = str(find_deno())
    environment = {**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
    install = [deno, "install", "--frozen", "--node-modules-dir=auto", "--quiet"]
    subprocess.run(install, cwd=place, env=environment, check=True, timeout=120)
    command = [deno, "run", "--cached-only", f"--allow-read={place}", "--allow-env", "--no-prompt", "oracle.ts"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=place, env=environment, **pipes) as process:
        yield Oracle(process)
        process.stdin.close()
        process.wait(10)
