"""What a process takes of the machine, as the kernel counts it; zeros where there is no such process or no /proc."""

import os
from pathlib import Path

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(msgspec.Struct, frozen=True):
    """At one moment."""

    megabytes: float = 0.0
    """Resident."""
    cpu_seconds: float = 0.0
    """Since it began, of all its threads."""


def usage_of(pid: int) -> Usage:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return Usage()
    # Counted from the state, which is the third field: user and system time, and resident pages.
    return Usage(int(fields[21]) * _PAGE / (1 << 20), (int(fields[11]) + int(fields[12])) / _TICKS)
