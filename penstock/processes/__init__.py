"""Composition roots: one module per process, which builds its planes from settings and runs them."""

import gc
import sys

USUAL_THRESHOLDS = gc.get_threshold()
# What imports make stays: without this it would be walked again and again while they go on. See `run_role`.
gc.set_threshold(100_000, 20, 20)

if "rich" not in sys.modules:
    # structlog imports it for tracebacks that no process draws: a third of what a role takes to start.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401

    del sys.modules["rich"]
