"""The schema filters of one source, compiled: which events do not pass, and which names are left out of the others."""

from penstock.spec.snapshot import SchemaFiltersSnapshot


class SchemaFilters:
    """Names are compared as they are written."""

    def __init__(self, snapshot: SchemaFiltersSnapshot) -> None:
        self._blocked = frozenset(snapshot.blocked)
        omitted: dict[tuple[str, str], set[str]] = {}
        for event_type, name, member in snapshot.omitted:
            omitted.setdefault((event_type, name), set()).add(member)
        self._omitted = {key: frozenset(members) for key, members in omitted.items()}

    def __bool__(self) -> bool:
        return bool(self._blocked or self._omitted)

    def blocks(self, event_type: str, name: str) -> bool:
        return (event_type, name) in self._blocked

    def omitted(self, event_type: str, name: str) -> frozenset[str]:
        """Of the first level."""
        return self._omitted.get((event_type, name), _NONE)


_NONE: frozenset[str] = frozenset()
