"""The installation itself: what the commands on this machine ask, and our own extension under `/penstock/`."""

from penstock.resources.installation.routes import FirstRunKeys, Installation

USES = ("delivery_overview", "sources")
OPERATIONS = ()
__all__ = ["OPERATIONS", "USES", "FirstRunKeys", "Installation"]
