import pytest

from penstock.resources.sources import write_keys
from penstock.testing.control_plane import ALPHA


@pytest.fixture
async def path(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return f"/sources/{source['id']}"


async def keys_of(control, path):
    return (await control.data("GET", path))["source"]["writeKeys"]


async def told(control):
    """The keys of the source as the data plane was told last."""
    return (await control.outbox())[-1][1].write_keys


async def test_a_key_is_made_beside_those_that_are_there(control, path):
    before = await keys_of(control, path)
    source = (await control.data("POST", f"{path}/writekey", accept=ALPHA))["source"]
    assert source["writeKeys"][:-1] == before
    assert len(source["writeKeys"][-1]) == 32
    assert await keys_of(control, path) == source["writeKeys"] == await told(control)


async def test_a_removed_key_is_one_no_more(control, path):
    (first,) = await keys_of(control, path)
    await control.data("POST", f"{path}/writekey")
    assert await control.data("DELETE", f"{path}/writekey/{first}", accept=ALPHA) == {"status": "SUCCESS"}
    (left,) = await keys_of(control, path)
    assert [left] == await told(control)
    assert left != first


async def test_the_order_of_keys_outlives_removals(control, path):
    for _ in range(2):
        await control.data("POST", f"{path}/writekey")
    first, second, third = await keys_of(control, path)
    await control.data("DELETE", f"{path}/writekey/{second}")
    made = (await control.data("POST", f"{path}/writekey"))["source"]["writeKeys"]
    assert made[:2] == [first, third]


async def test_the_last_key_stays(control, path):
    before = await keys_of(control, path)
    answer = await control.ask("DELETE", f"{path}/writekey/{before[0]}", accept=ALPHA)
    assert answer.status_code == 400
    assert await keys_of(control, path) == before


async def test_a_key_that_is_not_the_sources_is_not_found(control, path):
    await control.data("POST", f"{path}/writekey")
    other = (await control.data("POST", "/sources", {"slug": "other", "metadataId": "iUM16Md8P2"}))["source"]
    for key in ("nothing", other["writeKeys"][0]):
        assert (await control.ask("DELETE", f"{path}/writekey/{key}", accept=ALPHA)).status_code == 404


async def test_a_source_has_so_many_keys_and_no_more(control, path, monkeypatch):
    monkeypatch.setattr(write_keys, "KEYS_LIMIT", 2)
    await control.data("POST", f"{path}/writekey")
    answer = await control.ask("POST", f"{path}/writekey", accept=ALPHA)
    assert answer.status_code == 400
    assert len(await keys_of(control, path)) == 2


async def test_both_changes_stand_in_the_trail(control, path):
    key = (await control.data("POST", f"{path}/writekey"))["source"]["writeKeys"][-1]
    await control.data("DELETE", f"{path}/writekey/{key}")
    trail = await control.data("GET", "/audit-events", accept="application/vnd.segment.v1+json")
    assert [each["type"] for each in trail["events"]][:2] == ["Source Modified", "Source Modified"]
