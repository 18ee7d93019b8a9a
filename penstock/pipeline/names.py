"""Which names of a day have counts of their own."""

from penstock.spec.findings import OTHER, holds_address

_MINUTES_OF_DAY = 24 * 60


class Names:
    """The first names that each source used on the day at hand. A restart forgets them: a bound, not a promise."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._day = 0
        self._known: dict[str, set[str]] = {}

    def bounded(self, source_id: str, name: str, minute: int) -> str:
        """`name`, or `other` where its source has used as many different ones as are told apart; so is a person's."""
        if holds_address(name):
            return OTHER
        if (day := minute // _MINUTES_OF_DAY) > self._day:
            self._day, self._known = day, {}
        known = self._known.setdefault(source_id, {""})
        if name not in known:
            if len(known) > self._limit:
                return OTHER
            known.add(name)
        return name
