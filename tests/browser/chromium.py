"""A headless Chromium, driven by its own protocol: what a page asks of the network, and what it says, is on record."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from penstock.testing.instance import wait_until

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--ignore-certificate-errors",
    "--remote-debugging-port=0",
)
_UNBOUNDED: dict[str, Any] = {"max_size": None, "max_queue": None}
"""A tab may tell more than anybody reads: a full queue would leave the end of its connection unread for 10 s."""


class Protocol:
    """One connection of the protocol: questions, and what comes unasked between the answers."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=30))
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message["method"], message["params"])

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        """Nothing of it is wanted here."""


class Page(Protocol):
    """One tab. `requests` are the addresses that it asked for, `failures` those answered with an error or not at all."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection)
        self.requests: dict[str, str] = {}
        self.failures: list[str] = []
        self.messages: list[str] = []
        for domain in ("Page", "Network", "Runtime"):
            self.ask(f"{domain}.enable")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        # The browser tells that nobody answers before its own page stands there: until then the old page goes on.
        self.evaluate("window.isLeft = true")
        self.ask("Page.navigate", url=url)
        wait_until(self._has_arrived, 90, f"a loaded {url}")

    def _has_arrived(self) -> bool:
        try:
            return bool(self.evaluate("!window.isLeft && document.readyState === 'complete'"))
        except AssertionError:  # asked between the two pages
            return False

    def go_offline(self, *, offline: bool) -> None:
        self.ask(
            "Network.emulateNetworkConditions",
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        wait_until(lambda: self.evaluate("navigator.onLine") is not offline, 60, "a page that knows of it")

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests[told["requestId"]] = told["request"]["url"]
        elif method == "Network.responseReceived" and told["response"]["status"] >= 400:
            self.failures.append(f"{told['response']['status']} {told['response']['url']}")
        elif method == "Network.loadingFailed" and not told.get("canceled"):
            self.failures.append(f"{told['errorText']} {self.requests.get(told['requestId'])}")
        elif method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.messages.append(json.dumps(told)[:500])


class Browser:
    """A running Chromium. Its tabs know nothing of each other: each has cookies and storage of its own."""

    def __init__(self, port: int, connection: ClientConnection) -> None:
        self._port = port
        self._protocol = Protocol(connection)

    @contextmanager
    def opened_page(self) -> Iterator[Page]:
        context = self._protocol.ask("Target.createBrowserContext")["browserContextId"]
        target = self._protocol.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        try:
            with connect(f"ws://127.0.0.1:{self._port}/devtools/page/{target}", **_UNBOUNDED) as connection:
                yield Page(connection)
        finally:
            self._protocol.ask("Target.disposeBrowserContext", browserContextId=context)


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser of its own; the test is skipped, with the reason, where the machine has none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="penstock-chromium-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port_file = Path(folder) / "DevToolsActivePort"
            wait_until(lambda: port_file.exists() and port_file.read_text().strip(), 90, "a browser")
            port, path = port_file.read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}", **_UNBOUNDED) as connection:
                yield Browser(int(port), connection)
        finally:
            process.terminate()
            process.wait(20)
