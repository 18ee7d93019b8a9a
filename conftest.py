"""Fixtures that every test may use, how properties are tested, and what is printed whether tests pass or fail."""

import pytest
from hypothesis import HealthCheck, settings

from penstock.testing.control_plane import control
from penstock.testing.nats_server import log, nats_server, own_nats_server

__all__ = ["control", "log", "nats_server", "own_nats_server", "report"]

# Timings belong in `make bench`: a busy machine must not fail a property.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")

_REPORT: list[str] = []


@pytest.fixture(scope="session")
def report() -> list[str]:
    """Lines for the end of the run: tables and counts that a reader wants to see, not only a test to hold."""
    return _REPORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _REPORT:
        terminalreporter.write_line(line)
