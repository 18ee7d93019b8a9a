"""A target that a test can send events to, load by load, and look into; one for each driver."""

import msgspec
import pytest

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.drivers import SLUGS, driver_of
from penstock.catalog.warehouses.port import Load, QueryLimits, Site
from penstock.infra.http import OutboundPolicy
from penstock.spec.event import TYPE_NUMBERS
from penstock.warehousing.flatten import decode_event, flatten
from penstock.warehousing.selection import is_for_warehouse

LIMITS = QueryLimits(10_000, 20.0, 256)
TIMES = {
    "originalTimestamp": "2024-05-01T10:00:00.000Z",
    "sentAt": "2024-05-01T10:00:02.000Z",
    "receivedAt": "2024-05-01T10:00:05.000Z",
    "timestamp": "2024-05-01T10:00:03.000Z",
}


LOGICAL = {
    "BIGINT": "integer",
    "DOUBLE": "float",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
    "VARCHAR": "varchar",
    "bigint": "integer",
    "double precision": "float",
    "boolean": "boolean",
    "timestamp without time zone": "timestamp",
    "character varying": "varchar",
}


class Target:
    """An open warehouse, and the loads of one source into schema `shop`."""

    def __init__(self, slug, settings, directory):
        self.slug = slug
        self.settings = settings
        self.place = driver_of(slug).place(settings, Site("W1", str(directory), 256, OutboundPolicy()))
        self.warehouse = self.place.open()
        self.sequence = 0

    def reopen(self):
        self.warehouse.close()
        self.warehouse = self.place.open()

    def change(self, statement):
        """By the customer's hand; on the driver's own session, because there is no other way into an open file."""
        self.warehouse.engine.execute(statement)

    def batch(self, events, schema="shop"):
        batch = SourceBatch("source-1", schema)
        for event in events:
            raw = event if isinstance(event, bytes) else msgspec.json.encode({**TIMES, **event})
            decoded = decode_event(raw)
            if is_for_warehouse(decoded, "W1"):
                flatten(batch, decoded, decoded["messageId"], TYPE_NUMBERS[decoded["type"]])
        return batch

    def load(self, *events, schema="shop", after=None):
        after = self.sequence if after is None else after
        self.sequence = after + 1
        batch = self.batch(events, schema)
        load = Load("W1", 0, after, self.sequence, 1_714_557_600_000, 1_714_557_601_000, [batch])
        return self.warehouse.load(load)

    def rows(self, statement):
        result = self.warehouse.query(statement, LIMITS)
        assert result.error == ""
        return result.rows

    def one(self, statement):
        rows = self.rows(statement)
        assert len(rows) == 1
        return rows[0]

    def columns(self, table, schema="shop"):
        found = self.rows(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = '{schema}' AND table_name = '{table}'"
        )
        return {name: LOGICAL.get(kind, kind) for name, kind in found}

    def tables(self, schema="shop"):
        found = self.rows(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'")
        return {name for (name,) in found}

    def discards(self):
        found = self.rows(
            "SELECT table_name, column_name, row_id, value, reason FROM penstock_meta.discards "
            "ORDER BY table_name, column_name, row_id, value"
        )
        return [tuple(row) for row in found]


@pytest.fixture(params=SLUGS)
def target(request, tmp_path):
    settings = {}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        settings = server.settings(server.database())
    target = Target(request.param, settings, tmp_path)
    yield target
    target.warehouse.close()
