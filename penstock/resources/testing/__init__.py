"""Testing: an operation that answers what it is told to, by which clients try out how they take it."""

from penstock.resources.testing.operations import echo

USES = ()
OPERATIONS = (echo,)
__all__ = ["OPERATIONS", "USES"]
