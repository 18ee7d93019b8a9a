"""What the live view is told of a sync."""

from penstock.spec.routed import RoutedRow
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.warehousing.tap import lines_of, loaded

WAREHOUSE = WarehouseSnapshot("wh", "w", 1, "duckdb", "Warehouse", True, 0, b"")


def test_a_loaded_event_is_told_with_its_warehouse_and_its_person():
    event = {"event": "Bought", "userId": "u1", "anonymousId": 7}
    (line,) = lines_of(WAREHOUSE, [loaded("s1", RoutedRow(0, 0, 0, 0, "m-1"), event)], 1_893_578_402_000)
    assert (line.step, line.outcome, line.warehouse_id) == ("warehouse", "SUCCESSFUL_DELIVERY", "wh")
    assert (line.workspace_id, line.source_id, line.message_id) == ("w", "s1", "m-1")
    assert (line.event_type, line.event_name, line.user_id, line.anonymous_id) == ("track", "Bought", "u1", "")
    assert line.time == "2030-01-02T10:00:02.000Z"
