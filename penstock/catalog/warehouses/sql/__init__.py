"""How a warehouse that speaks SQL is loaded, whatever its dialect: an engine brings types, casts and staging tables."""

from penstock.catalog.warehouses.sql.engine import Capabilities, Engine, quoted
from penstock.catalog.warehouses.sql.warehouse import SqlWarehouse

__all__ = ["Capabilities", "Engine", "SqlWarehouse", "quoted"]
