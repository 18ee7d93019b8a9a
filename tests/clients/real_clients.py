"""Unmodified clients as separate processes, the instance that they send to, and the proxy between the two."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from penstock.js.deno import find_deno
from penstock.testing.cutting_proxy import ThreadedProxy
from penstock.testing.instance import Instance
from penstock.testing.setup import create_source

HERE = Path(__file__).parent
SECONDS = 90


@dataclass(frozen=True)
class Ran:
    """What a client did: the messages that it was handed, and the ids of those that it gave up."""

    handed: list[dict[str, Any]]
    failed: list[str]

    @property
    def ids(self) -> list[str]:
        return [message["messageId"] for message in self.handed]


@dataclass
class RealClient:
    """A program that makes calls with one SDK."""

    name: str
    library: str
    patient: dict[str, Any]
    """Settings with which a request waits longer than the edge ever does."""
    one_batch: str
    """The setting that says how many events a request takes."""
    command: list[str] = field(default_factory=list)
    folder: Path = HERE

    def one_request(self, count: int) -> dict[str, Any]:
        """Settings with which so many calls are one request."""
        return {self.one_batch: count}

    def run(self, url: str, key: str, calls: list[dict[str, Any]], **settings: Any) -> Ran:
        order = json.dumps({"url": url, "key": key, "settings": settings, "calls": calls})
        pipes: Any = {"input": order, "capture_output": True, "text": True, "timeout": SECONDS}
        done = subprocess.run(self.command, cwd=self.folder, env=environment(), check=False, **pipes)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        handed = [line["handed"] for line in lines if "handed" in line]
        return Ran(handed, [identifier for line in lines for identifier in line.get("failed", [])])


class NodeClient(RealClient):
    """Under Deno, from the lock file beside this module; no Node and no package manager of its own."""

    def install(self, place: Path) -> Path:
        for name in ("package.json", "deno.lock", "node_sender.ts"):
            shutil.copyfile(HERE / name, place / name)
        deno = str(find_deno())
        install = [deno, "install", "--frozen", "--node-modules-dir=auto", "--quiet"]
        subprocess.run(install, cwd=place, env=environment(), check=True, timeout=120)
        self.folder = place
        self.command = [deno, "run", "--cached-only", "--allow-net=127.0.0.1", "--allow-env", "--no-prompt", "--quiet"]
        self.command.append("node_sender.ts")
        return place


PYTHON = RealClient(
    "python", "analytics-python", {"timeout": 30}, "upload_size", [sys.executable, str(HERE / "python_sender.py")]
)
NODE = NodeClient("node", "@segment/analytics-node", {"httpRequestTimeout": 30_000}, "flushAt")


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "NODE_NO_WARNINGS": "1"}


class Stage:
    """A running instance behind a proxy. A context."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._proxy = ThreadedProxy(int(instance.url.rpartition(":")[2]))

    def __enter__(self) -> Self:
        self.proxy = self._proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.__exit__()

    @property
    def url(self) -> str:
        """The instance through the proxy."""
        return f"http://127.0.0.1:{self.proxy.port}"

    def source(self, slug: str) -> dict[str, Any]:
        with self.instance.api() as api:
            return create_source(api, slug)

    def key(self, slug: str) -> str:
        """The write key of a new source."""
        return str(self.source(slug)["writeKeys"][0])

    def loaded(self, slug: str, table: str = "tracks") -> "Counter[str]":
        """How often each message id stands in a table of the source, after a sync."""
        self.instance.sync()
        schema = slug.replace("-", "_")
        tables = f"select 1 from information_schema.tables where table_schema = '{schema}' and table_name = '{table}'"
        if not self.instance.sql(tables):
            return Counter()
        return Counter(row["id"] for row in self.instance.sql(f"select id from {schema}.{table}"))


def tracks(name: str, count: int = 5, **properties: Any) -> list[dict[str, Any]]:
    """Calls with message ids of our own, so that what a client gives up can be told apart."""
    return [
        {
            "type": "track",
            "event": "Step Done",
            "userId": "u-1",
            "messageId": f"{name}-{number}",
            "properties": {"number": number, **properties},
        }
        for number in range(count)
    ]


def statuses(answers: list[tuple[float, int]]) -> list[int]:
    """Of what a proxy has noted."""
    return [status for _, status in answers]
