import pytest
from sqlalchemy import LargeBinary, select

from penstock.infra.db import metadata
from penstock.infra.secrets import Sealer, SealError
from penstock.resources.destinations.table import destinations
from penstock.resources.rotation import rotate_key
from penstock.resources.slices import select_snapshots
from penstock.testing.control_plane import V1
from tests.contract.scenario import POSTGRES, WAREHOUSE, prepare


async def rotate(control):
    return await rotate_key(control.database, control.sealer, select_snapshots, control.api._published)


async def sealed_values(control):
    found = {}
    async with control.database.reading() as connection:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if column.name.startswith("sealed_"):
                    rows = (await connection.execute(select(column))).scalars()
                    found[f"{table.name}.{column.name}"] = [bytes(value) for value in rows if value]
    return found


@pytest.fixture
def in_file(control, tmp_path):
    """The control plane with its key in a file, as an installation has it."""
    file = tmp_path / "secret.key"
    file.write_bytes(b"k" * 32)
    control.services.sealer = control.sealer = Sealer.load(tmp_path, {})
    return file


async def test_every_secret_is_sealed_with_the_new_key_and_says_what_it_said(control, in_file):
    ids = await prepare(control)
    await control.data("POST", "/warehouses", {"metadataId": POSTGRES, "settings": WAREHOUSE})
    hashed = {"algorithm": "SHA256", "key": "k", "encoding": "HEX", "paths": ["properties.e"]}
    asked = {"name": "h", "sourceId": ids["source"], "enabled": True, "if": "all"}
    await control.data("POST", "/transformations", asked | {"hashPropertiesConfiguration": hashed}, accept=V1)
    before = await sealed_values(control)
    plain = {name: sorted(map(control.sealer.open, values)) for name, values in before.items()}
    rotated = await rotate(control)
    after = await sealed_values(control)
    assert rotated.secrets == sum(len(values) for values in after.values())
    newest = Sealer(in_file.read_bytes()[:32])
    assert {name: sorted(map(newest.open, values)) for name, values in after.items()} == plain
    assert {name for name, values in after.items() if not values} == set(), "the scenario lacks a secret of each kind"
    assert control.published[-1] > 0


async def test_everything_is_published_once_more_with_higher_versions(control, in_file):
    await control.data(
        "PATCH",
        "/warehouses/" + (await control.data("GET", "/warehouses"))["warehouses"][0]["id"],
        {"settings": {"password": "s3cret"}},
    )
    async with control.database.reading() as connection:
        before = {(kind, each.id): each for kind, each in await select_snapshots(connection, control.sealer)}
    published_before = len(await control.outbox())
    rotated = await rotate(control)
    told = [snapshot for _, snapshot in (await control.outbox())[published_before:]]
    assert rotated.published == len(told) == len(before)
    newest = Sealer(in_file.read_bytes()[:32])
    for (kind, identifier), former in before.items():
        (now,) = [each for each in told if each.id == identifier and type(each) is type(former)]
        assert now.version == former.version + 1, kind
        if getattr(now, "sealed_settings", b""):
            newest.open(now.sealed_settings)


async def test_a_secret_that_no_key_opens_ends_it_and_leaves_the_rows(control, in_file):
    ids = await prepare(control)
    async with control.database.writing() as connection:
        broken = {"sealed_secrets": Sealer(b"x" * 32).seal(b"{}")}
        await connection.execute(destinations.update().where(destinations.c.id == ids["destination"]).values(broken))
    before = await sealed_values(control)
    for _ in range(6):
        with pytest.raises(SealError):
            await rotate(control)
    assert await sealed_values(control) == before
    for name, values in before.items():
        for value in values:
            assert name == "destinations.sealed_secrets" or control.sealer.open(value) is not None


async def test_nothing_is_sealed_but_what_says_so_in_its_name(control):
    """Else a rotation would pass it over."""
    await prepare(control)
    async with control.database.reading() as connection:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary) and not column.name.startswith("sealed_"):
                    for value in (await connection.execute(select(column))).scalars():
                        with pytest.raises(SealError):
                            control.sealer.open(value or b"")
