"""Fixtures that every test may use, how properties are tested, and what is printed whether tests pass or fail."""

import gc
from functools import cache

import pytest
from httpx._transports import default as http_transports
from hypothesis import HealthCheck, settings

from penstock.testing.fixtures import (
    begun,
    begun_sqlite,
    control,
    control_url,
    database,
    log,
    migrated_postgres,
    migrated_sqlite,
    nats_server,
    own_nats_server,
    postgres_server,
    run_on_each,
    soon_ended,
)

__all__ = [
    "begun",
    "begun_sqlite",
    "control",
    "control_url",
    "database",
    "log",
    "migrated_postgres",
    "migrated_sqlite",
    "nats_server",
    "own_nats_server",
    "postgres_server",
    "pytest_generate_tests",
    "report",
    "soon_ended",
]
pytest_generate_tests = run_on_each

# Thousands of tests and all that they import live until the end: to look through them for garbage is a tenth of a run.
gc.set_threshold(50_000, 20, 20)

# Each client would read the certificates of all authorities anew, which takes longer than most of what it is for.
http_transports.create_ssl_context = cache(http_transports.create_ssl_context)  # type: ignore[attr-defined]

# Timings belong in `make bench`: a busy machine must not fail a property. `make torture` looks at ten times as many.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
settings.register_profile("torture", settings.get_profile("penstock"), max_examples=300)
settings.load_profile("penstock")

_REPORT: list[str] = []


def pytest_collection_finish() -> None:
    gc.freeze()


@pytest.fixture(scope="session")
def report() -> list[str]:
    """Lines for the end of the run: tables and counts that a reader wants to see, not only a test to hold."""
    return _REPORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _REPORT:
        terminalreporter.write_line(line)
