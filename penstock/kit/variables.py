"""Variables of the environment that are named like settings and are none: mostly a setting that is misspelt.

They are told and not refused: the environment is not ours alone, and may name what a newer release knows.
"""

from collections.abc import Mapping

from penstock.kit.settings import PREFIX, fields

BESIDE = ("PENSTOCK_CONFIG", "PENSTOCK_TOKEN", "PENSTOCK_URL")
"""What a user may set besides the settings."""
_OWN = frozenset(
    {
        "PENSTOCK_ALONE",
        "PENSTOCK_CONTROL_PORT",
        "PENSTOCK_FAULTS_DIR",
        "PENSTOCK_LOCAL_TOKEN",
        "PENSTOCK_LOG_IS_EMBEDDED",
        "PENSTOCK_OWN_PORTS",
        "PENSTOCK_PARENT_PID",
        "PENSTOCK_READY_FILE",
    }
)
"""What processes of one installation tell each other."""
_LIKENESS = 0.75
"""Of 1: a letter or two apart. Names that begin with the same word may differ by more: by another unit, for one."""
_KIN = 0.25


def unheeded(environment: Mapping[str, str]) -> list[str]:
    """One sentence for each variable that nobody heeds, with the name that was probably meant."""
    known = {PREFIX + name.upper() for name in fields()} | set(BESIDE)
    strange = [name for name in environment if name.startswith(PREFIX) and name not in known | _OWN]
    return [_told(name, known) for name in sorted(strange)]


def _told(name: str, known: set[str]) -> str:
    likeness, meant = max((_likeness(name, each), each) for each in known)
    return f"{name} is set and is no setting" + (f"; did you mean {meant}?" if likeness >= _LIKENESS else "")


def _likeness(name: str, other: str) -> float:
    """Without what all of them begin with, which would make any two alike."""
    from difflib import SequenceMatcher  # takes longer to import than all else here; mostly nothing is strange

    one, two = name.removeprefix(PREFIX).upper(), other.removeprefix(PREFIX)
    is_kin = one.partition("_")[0] == two.partition("_")[0]
    return SequenceMatcher(None, one, two).ratio() + (_KIN if is_kin else 0)
