"""Room in the data directory is scarce: what grows there waits and says so, what grows elsewhere goes on."""

import msgspec

from penstock.infra.disk import DirectoryRoom
from penstock.spec.calls import RoleStatus, StatusReport

from .conftest import event, warehouse

SCARCE = {"low_disk_megabytes": 1 << 40, "low_disk_percent": 0.0}


async def told(installation):
    return await installation.ask(RoleStatus(), StatusReport, role="warehousing")


async def test_the_embedded_warehouse_waits_tells_why_and_goes_on_by_itself(installation):
    await installation.route(event("m1"))
    async with installation.role(**SCARCE) as role:
        report = await installation.sync()
        assert report.rows == 0
        assert report.errors["W1"].startswith("the disk is low: ")
        status = await told(installation)
        assert status.state == "failing"
        assert status.reasons[0].startswith("warehouse W1 waits: the disk is low: ")
        role.room = DirectoryRoom(msgspec.structs.replace(role.settings, low_disk_megabytes=0))
        assert (await told(installation)).state == "ready"
        assert (await installation.sync()).events == 1


async def test_a_warehouse_elsewhere_is_loaded_meanwhile(installation):
    elsewhere = warehouse("W2", sealed_settings=b'{"file": "penstock-elsewhere.duckdb"}', created_at=2)
    await installation.publish(elsewhere)
    await installation.route(event("m1"))
    async with installation.role(**SCARCE) as role:
        role.syncs["W2"].target.place.is_local = False
        report = await installation.sync()
        assert list(report.errors) == ["W1"]
        assert await installation.query(role, "SELECT id FROM shop.tracks", "W2") == [["m1"]]
        assert list(role.held()) == ["W1"]


async def test_a_warehouse_whose_hours_pass_while_it_waits_is_loaded_when_there_is_room(installation):
    await installation.route(event("m1"))
    async with installation.role(**SCARCE) as role:
        assert role._timed_at == {}
        role.room = DirectoryRoom(msgspec.structs.replace(role.settings, low_disk_megabytes=0))
        await role.sync(is_timed=True)
        assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]
