"""Death with the parent: a child must never go on serving after the supervisor that would have stopped it."""

import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable

PARENT_VARIABLE = "PENSTOCK_PARENT_PID"
"""The supervisor's pid in the environment of a Python child: it may be gone before the child can look."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """In the child: ask the kernel for SIGKILL when the parent ends; end at once where it has ended already.

    Where there is no such request (macOS) a thread watches the parent instead.
    """
    expected = int(os.environ.get(PARENT_VARIABLE) or os.getppid())
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(expected,), daemon=True).start()
    if os.getppid() != expected:
        os._exit(1)


def before_exec() -> Callable[[], None] | None:
    """In the parent: a `preexec_fn` for a child that is not Python; None where the kernel has no such thing.

    The signal comes when the *thread* that forked ends, so children are started from the main thread. Other threads
    may hold any lock at the fork, so what the child does is looked up here, and it collects no garbage.
    """
    if _libc is None:
        return None
    prctl, parent = _libc.prctl, os.getpid()

    def prepare() -> None:
        gc.disable()
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(1)

    return prepare


def _watch(expected: int) -> None:
    waiting = threading.Event()
    while os.getppid() == expected:
        waiting.wait(1.0)
    os._exit(1)
