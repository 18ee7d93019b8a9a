"""What whoever deploys an insert function should know: an event without a handler goes no further (FC-77)."""

from penstock.spec.calls import FoundHandlers
from penstock.spec.event import EventType

INSERTED = frozenset({"INSERT_DESTINATION", "INSERT_SOURCE"})


def warning_of(found: FoundHandlers | None) -> str:
    """Empty where all is well, or nobody could tell."""
    if found is None:
        return ""
    if found.problem:
        return f"the code cannot be loaded, so that no event gets through: {found.problem}"
    missing = [name for name in (f"on{each.capitalize()}" for each in EventType) if name not in found.handlers]
    events = "events of 1 type" if len(missing) == 1 else f"events of {len(missing)} types"
    return f"{events} will be dropped: the function has no {', '.join(missing)}" if missing else ""
