"""From the routed log into the warehouses: flatten events to rows, load them with the position, report it."""

from penstock.warehousing.answers import serve_calls
from penstock.warehousing.role import WarehousingRole

__all__ = ["WarehousingRole", "serve_calls"]
