"""Logs: JSON lines for machines, readable lines on a terminal; every line tells its role."""

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog


class _Lasting:
    """Standard error, whatever becomes of it: who has something to say on a full disk must not end for saying it."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logging(role: str, log_format: str) -> None:
    """Set structlog up for this process. `auto` means text on a terminal, else JSON. Logs go to standard error."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer()
    )
    lasting: Any = _Lasting()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(lasting),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
