"""The tests of this folder share modules that lie beside them, and report what was in flight at each kill."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

REPORT: list[str] = []
"""Lines that the scene writes; printed whether the tests pass or fail."""


def pytest_configure(config):
    config.kill_report = REPORT


def pytest_terminal_summary(terminalreporter):
    for line in REPORT:
        terminalreporter.write_line(line)
