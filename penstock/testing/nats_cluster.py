"""A real cluster of nats-servers on loopback: each node a process that a test kills and starts again."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Self

from penstock.infra.log.message import MAX_PAYLOAD
from penstock.infra.log.server import find_binary
from penstock.kit.ports import free_port
from penstock.testing.instance import wait_until

START_SECONDS = 40.0
"""An election may take ten seconds, and a second one follows where the first ends in a tie."""


class Node:
    """One server of a cluster."""

    def __init__(self, name: str, directory: Path, ports: tuple[int, int, int]) -> None:
        self.name = name
        self.port, self.monitoring_port, self.route_port = ports
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitoring_url(self) -> str:
        return f"http://127.0.0.1:{self.monitoring_port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def configure(self, token: str, routes: list[int], **changes: Any) -> None:
        """Write the configuration; `changes` replace whole entries of it, None takes one out."""
        self._directory.mkdir(parents=True)
        configuration: dict[str, Any] = {
            "server_name": self.name,
            "listen": f"127.0.0.1:{self.port}",
            "http": f"127.0.0.1:{self.monitoring_port}",
            "max_payload": MAX_PAYLOAD,
            "authorization": {"token": token},
            "jetstream": {"store_dir": str(self._directory), "sync_interval": "always"},
            "cluster": {
                "name": "penstock",
                "listen": f"127.0.0.1:{self.route_port}",
                "routes": [f"nats://127.0.0.1:{port}" for port in routes],
            },
        }
        entries = {name: value for name, value in (configuration | changes).items() if value is not None}
        (self._directory / "nats.conf").write_text(json.dumps(entries, indent=2))

    def start(self) -> None:
        command = [find_binary(), "--config", str(self._directory / "nats.conf")]
        self._process = subprocess.Popen([*command, "--log", str(self._directory / "nats.log")], start_new_session=True)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT: it believes for a moment that nothing has happened."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def is_healthy(self) -> bool:
        """Whether it runs, knows a leader, and is up to date in all that it holds."""
        return self.ask("/healthz").get("status") == "ok"

    def ask(self, path: str) -> dict[str, Any]:
        """What the monitoring port answers; nothing where the node does not."""
        try:
            with urllib.request.urlopen(self.monitoring_url + path, timeout=2) as answer:  # noqa: S310 - loopback
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return {}


class NatsCluster:
    """Three nodes. A context; `replicas` of a stream may be 3 from its start on."""

    def __init__(self, folder: Path, size: int = 3, **changes: Any) -> None:
        self.token = secrets.token_urlsafe(16)
        ports = [(free_port(), free_port(), free_port()) for _ in range(size)]
        self.nodes = [Node(f"n{number}", folder / f"n{number}", three) for number, three in enumerate(ports)]
        for node in self.nodes:
            node.configure(self.token, [route for _, _, route in ports], **changes)

    def __enter__(self) -> Self:
        for node in self.nodes:
            node.start()
        self.wait_whole()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()

    @property
    def urls(self) -> str:
        return ",".join(node.url for node in self.nodes)

    @property
    def environment(self) -> dict[str, str]:
        """What makes `penstock up` use this cluster."""
        return {
            "PENSTOCK_NATS_URL": self.urls,
            "PENSTOCK_NATS_TOKEN": self.token,
            "PENSTOCK_NATS_REPLICAS": str(len(self.nodes)),
            "PENSTOCK_NATS_MONITORING": ",".join(node.monitoring_url for node in self.nodes),
        }

    def wait_whole(self, seconds: float = START_SECONDS) -> None:
        """Until every node runs, knows a leader of the cluster, and is up to date in all that it holds."""
        for node in self.nodes:
            wait_until(node.is_healthy, seconds, f"a healthy {node.name}")
        wait_until(self.leader, seconds, "a leader of the cluster")

    def leader(self) -> str:
        """Name of the node that leads JetStream; empty where there is none."""
        return next((name for node in self.nodes if (name := _meta(node).get("leader"))), "")

    def leader_of(self, stream: str) -> Node:
        """The node that leads a stream, as soon as there is one."""
        found: Node = wait_until(lambda: self._leader_of(stream), START_SECONDS, f"a leader of {stream}")
        return found

    def _leader_of(self, stream: str) -> Node | None:
        for node in self.nodes:
            for account in node.ask("/jsz?streams=1").get("account_details") or []:
                for detail in account.get("stream_detail") or []:
                    if detail["name"] == stream and detail.get("cluster", {}).get("leader") == node.name:
                        return node
        return None


def _meta(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = node.ask("/jsz").get("meta_cluster") or {}
    return found
