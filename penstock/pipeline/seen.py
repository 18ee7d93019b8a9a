"""Sums the shapes of events, and tells from them how many events had which property with which types."""

from operator import itemgetter

from penstock.spec.findings import (
    NAME_LENGTH,
    OTHER,
    PROPERTIES_LIMIT,
    VALUE_TYPES,
    Budget,
    SeenProperty,
    SeenShape,
    holds_address,
)

_ROW = 1 + len(VALUE_TYPES)
Names = tuple[str, ...]


class PropertyCounts:
    """Counts of properties by their paths: the first of them while there is room, and `other`. Not of addresses."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._rows: dict[str, list[int]] = {}

    def row(self, path: str) -> list[int]:
        """To be added to: the events, then the values of each type."""
        found = self._rows.get(path)
        if found is None:
            if holds_address(path):
                return [0] * _ROW
            path = path[:NAME_LENGTH]
            if path not in self._rows and (len(self._rows) >= PROPERTIES_LIMIT or not self._budget.takes(path)):
                path = OTHER
            found = self._rows.setdefault(path, [0] * _ROW)
        return found

    def properties(self) -> list[SeenProperty]:
        return [SeenProperty(path, row[0], row[1:]) for path, row in self._rows.items()]


class ShapeSum:
    """The same shape in several frames."""

    __slots__ = ("count", "kinds", "nested", "sampled")

    def __init__(self) -> None:
        self.count = self.sampled = 0
        self.kinds: dict[bytes, int] = {}
        self.nested: dict[tuple[str, int], int] = {}

    def add(self, shape: SeenShape) -> None:
        self.count += shape.count
        self.sampled += shape.sampled
        for kinds, size in shape.kinds:
            self.kinds[kinds] = self.kinds.get(kinds, 0) + size
        for path, place, size in shape.nested:
            self.nested[path, place] = self.nested.get((path, place), 0) + size

    def tell(self, names: Names, counts: PropertyCounts) -> None:
        """What the sample shows holds for all events of the shape; what is over by rounding, for the most frequent."""
        if not self.sampled:
            for name in names:
                counts.row(name)[0] += self.count
            return
        left = self.count
        for number, (kinds, size) in enumerate(sorted(self.kinds.items(), key=itemgetter(1)), 1):
            share = left if number == len(self.kinds) else self.count * size // self.sampled
            left -= share
            for name, place in zip(names, kinds, strict=False):
                row = counts.row(name)
                row[0] += share
                row[1 + place] += share
        self._tell_nested(counts)

    def _tell_nested(self, counts: PropertyCounts) -> None:
        seen: dict[str, int] = {}
        for (path, place), size in self.nested.items():
            share = max(1, self.count * size // self.sampled)
            # A name of several items may have several types in one event: it counts as the most frequent one.
            counted = seen.get(path, 0)
            seen[path] = max(counted, share)
            row = counts.row(path)
            row[0] += seen[path] - counted
            row[1 + place] += share


class SeenSum:
    """Events of one type and name. Shapes that are not known and for which there is no room are told at once."""

    def __init__(self, budget: Budget) -> None:
        self.count = 0
        self._shapes: dict[Names, ShapeSum] = {}
        self._counts = PropertyCounts(budget)

    def add(self, shape: SeenShape, *, has_room: bool) -> int:
        """How many characters of names are kept more than before."""
        self.count += shape.count
        names = tuple(shape.names)
        known = self._shapes.get(names)
        new = [kinds for kinds, _ in shape.kinds if known is None or kinds not in known.kinds]
        if not has_room and (known is None or new):
            found = ShapeSum()
            found.add(shape)
            found.tell(names, self._counts)
            return 0
        found = self._shapes.setdefault(names, known or ShapeSum())
        found.add(shape)
        return sum(map(len, new)) + (sum(map(len, names)) if known is None else 0)

    def properties(self) -> list[SeenProperty]:
        """To be asked once."""
        for names, found in self._shapes.items():
            found.tell(names, self._counts)
        return self._counts.properties()
