"""Death with the parent: a child must never go on serving after the supervisor that would have stopped it."""

import ctypes
import os
import signal
import sys

PARENT_VARIABLE = "PENSTOCK_PARENT_PID"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends; end at once where it has ended already.

    Where there is no such request (macOS) a thread watches the parent instead.
    """
    expected = int(os.environ.get(PARENT_VARIABLE) or os.getppid())
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        _watch_parent(expected)
    if os.getppid() != expected:
        os._exit(1)


def _watch_parent(expected: int) -> None:
    import threading

    def watch() -> None:
        waiting = threading.Event()
        while os.getppid() == expected:
            waiting.wait(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
