"""Postgres: loaded by COPY into a staging table, in one transaction per load."""

from penstock.catalog.warehouses.postgres.driver import driver

__all__ = ["driver"]
