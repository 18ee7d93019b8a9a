"""How fast a resource command starts: `penstock sources list`, asked and answered, beside a Python that does nothing.

CPU time of the process, so that what else runs here does not count; `status --help` shows what Typer would have cost.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.report import Figure, at_most

_RUNS = 15
_RATIO = 8.0
_ANSWER = json.dumps({"data": {"sources": [], "pagination": {"current": "MA==", "totalEntries": 0}}}).encode()
_COMMANDS = {
    "nothing": [sys.executable, "-c", "pass"],
    "sources list": [sys.executable, "-m", "penstock.cli", "sources", "list"],
    "status --help": [sys.executable, "-m", "penstock.cli", "status", "--help"],
}


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        pass


def run() -> list[Figure]:
    """Medians of interleaved runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {**os.environ, "PENSTOCK_URL": address, "PENSTOCK_TOKEN": "t"}
    measured: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for _ in range(_RUNS):
        for name, command in _COMMANDS.items():
            measured[name].append(cpu_milliseconds(command, environment))
    server.shutdown()
    median = {name: statistics.median(found) for name, found in measured.items()}
    nothing = median["nothing"]
    return [
        Figure("start of python -c pass", nothing, "ms CPU"),
        Figure("penstock sources list", median["sources list"], "ms CPU"),
        at_most("penstock sources list / python -c pass", median["sources list"] / nothing, _RATIO, "times"),
        Figure("penstock status --help", median["status --help"], "ms CPU", note="by Typer"),
    ]


def cpu_milliseconds(command: list[str], environment: dict[str, str]) -> float:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return (usage.ru_utime + usage.ru_stime) * 1000
