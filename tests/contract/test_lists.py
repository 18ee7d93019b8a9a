"""Lists ask the database as often for fifty things as for one, and ten thousand are paged through at one cost."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert

from penstock.resources import slices
from penstock.resources.sources.table import sources, write_keys
from tests.contract.scenario import FILTER, HTTP_API, POSTGRES, SUBSCRIPTION, WAREHOUSE, WEBHOOK, cases, prepare

PAGED = {operation.id for operation in slices.OPERATIONS if operation.is_paged}
MORE = 49


@contextmanager
def counted(control):
    """Appends every statement of the block."""
    found = []
    engines = {engine.sync_engine for engine in (control.database._engines.reading, control.database._engines.writing)}

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def look(control, ids):
    """Of every list: how many statements it took, and how many things it told."""
    found = {}
    for case in cases(ids, is_official=True):
        if case.operation in PAGED:
            control.clock.advance(61)
            separator = "&" if "?" in case.path else "?"
            with counted(control) as statements:
                data = await control.data("GET", f"{case.path}{separator}pagination[count]=200")
            told = max(len(each) for each in data.values() if isinstance(each, list))
            found[case.operation] = (len(statements), told)
    return found


async def add(control, ids, number):
    """One more of what a user makes many of."""
    made = {"slug": f"more-{number}", "metadataId": HTTP_API}
    source = (await control.data("POST", "/sources", made))["source"]["id"]
    given = {"labels": [{"key": "team", "value": "web"}]}
    await control.data("POST", f"/sources/{source}/labels", given)
    await control.data("POST", f"/tracking-plans/{ids['plan']}/sources", {"sourceId": source})
    await control.data("POST", "/destinations", {"sourceId": source, "metadataId": WEBHOOK, "name": f"D {number}"})
    plan = {"name": f"P {number}", "type": "LIVE"}
    await control.data("POST", "/tracking-plans", plan)
    asked = {"name": f"t {number}", "sourceId": source, "if": f'event = "e{number}"', "enabled": True}
    await control.data("POST", "/transformations", asked)
    if number < MORE - 1:
        path = f"/destinations/{ids['destination']}/subscriptions"
        await control.data("POST", path, SUBSCRIPTION | {"name": f"S {number}"})
    if number < 8:
        path = f"/destination/{ids['destination']}/filters"
        await control.data("POST", path, FILTER | {"sourceId": ids["source"], "title": f"F {number}"})
    settings = {"metadataId": POSTGRES, "settings": WAREHOUSE, "enabled": False, "name": f"W {number}"}
    await control.data("POST", "/warehouses", settings)
    await control.data("POST", "/groups", {"name": f"G {number}"})


@pytest.mark.one_database
async def test_a_list_of_fifty_takes_as_many_statements_as_a_list_of_one(control, report):
    ids = await prepare(control)
    before = await look(control, ids)
    for number in range(MORE):
        control.clock.advance(61)
        await add(control, ids, number)
    after = await look(control, ids)
    assert {name: count for name, (count, _) in after.items()} == {name: count for name, (count, _) in before.items()}
    assert max(count for count, _ in after.values()) <= 8, after
    grown = {name for name, (_, told) in after.items() if told >= before[name][1] + 8}
    assert {
        "listSources",
        "listDestinations",
        "listWarehouses",
        "listTrackingPlans",
        "listSourcesFromTrackingPlan",
        "listTransformations",
        "listSubscriptionsFromDestination",
        "listFiltersFromDestination",
        "listConnectedSourcesFromWarehouse",
        "listUserGroups",
        "listAuditEvents",
    } <= grown
    report.append(f"lists: {len(after)}, of which {len(grown)} grew; {max(after.values())[0]} statements at most")


async def fill(control, count):
    common = {
        "workspace_id": control.first_run.workspace_id,
        "version": 1,
        "name": "",
        "metadata_id": HTTP_API,
        "enabled": True,
        "settings": "{}",
    }
    rows = [
        common
        # Several in one millisecond: the id decides.
        | {"id": f"s{number:05}", "slug": f"s-{number}", "schema_name": f"s_{number}", "created_at": 10 + number // 7}
        for number in range(count)
    ]
    keys = [
        {"write_key": row["id"], "workspace_id": common["workspace_id"], "source_id": row["id"], "position": 0}
        for row in rows
    ]
    async with control.database.writing() as connection:
        await connection.execute(insert(sources), rows)
        await connection.execute(insert(write_keys), keys)


async def test_ten_thousand_sources_are_paged_through_at_one_cost_while_others_come_and_go(control):
    await fill(control, 10_000)
    cursor, seen, costs = "MA==", [], []
    while cursor:
        control.clock.advance(61)
        with counted(control) as statements:
            data = await control.data("GET", f"/sources?pagination.count=200&pagination.cursor={cursor}")
        costs.append(len(statements))
        seen += [source["id"] for source in data["sources"]]
        cursor = data["pagination"].get("next")
        if len(seen) == 2_000:
            # Neither a page that has been told nor one that has not moves.
            await control.data("DELETE", f"/sources/{seen[0]}")
            await control.data("POST", "/sources", {"slug": "late", "metadataId": HTTP_API})
    # The first looks up whose the token is; so does the one after something was committed.
    assert max(costs) == costs[0]
    assert [each for each in seen if each.startswith("s0")] == [f"s{number:05}" for number in range(10_000)]
    assert len(seen) == len(set(seen)) == 10_002
