import pytest

from penstock.resources.labels.operations import LABEL_LIMIT
from penstock.testing.control_plane import V1


@pytest.fixture
async def source_path(control):
    (source,) = (await control.data("GET", "/sources"))["sources"]
    return f"/sources/{source['id']}"


def pair(key, value):
    return {"key": key, "value": value}


async def test_a_new_workspace_has_the_labels_of_its_environments(control):
    labels = (await control.data("GET", "/labels"))["labels"]
    assert labels == [pair("environment", "dev"), pair("environment", "prod")]


async def test_a_label_comes_back_as_it_was_made(control):
    control.clock.advance(1)
    sent = pair("team", "web_1") | {"description": ""}
    assert await control.data("POST", "/labels", {"label": sent}, accept=V1) == {"label": sent}
    assert await control.data("POST", "/labels", pair("team", "b")) == {"labels": [pair("team", "b")]}
    assert (await control.data("GET", "/labels"))["labels"][2:] == [sent, pair("team", "b")]


@pytest.mark.parametrize("change", [{"key": "1a"}, {"value": "a b"}, {"key": ""}, {"key": "a:b"}, {"value": "x" * 256}])
async def test_a_word_that_is_no_label_is_refused_by_name(control, change):
    answer = await control.ask("POST", "/labels", pair("a", "b") | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(change))


async def test_a_label_is_made_once_and_their_number_is_bounded(control):
    for number in range(LABEL_LIMIT - 2):
        control.clock.advance(2)
        await control.data("POST", "/labels", pair("team", f"t{number}"))
    control.clock.advance(61)
    again = await control.ask("POST", "/labels", pair("team", "t0"))
    assert (again.status_code, again.json()["errors"][0]["message"]) == (400, "the label team:t0 exists already")
    more = await control.ask("POST", "/labels", pair("team", "more"))
    assert (more.status_code, more.json()["errors"][0]["type"]) == (400, "bad-request")


@pytest.mark.parametrize("value", ["dev", "prod"])
async def test_a_source_shows_its_labels_wherever_it_is_shown(control, source_path, value):
    given = {"labels": [pair("environment", value)]}
    assert await control.data("POST", f"{source_path}/labels", given) == given
    assert (await control.data("GET", source_path))["source"]["labels"] == given["labels"]
    (listed,) = (await control.data("GET", "/sources"))["sources"]
    assert listed["labels"] == given["labels"]
    assert len(listed["writeKeys"]) == 1


async def test_adding_keeps_and_replacing_does_not(control, source_path):
    await control.data("POST", "/labels", pair("team", "web"))
    await control.data("POST", f"{source_path}/labels", {"labels": [pair("environment", "prod")]})
    added = await control.data("POST", f"{source_path}/labels", {"labels": [pair("team", "web")]})
    assert added["labels"] == [pair("environment", "prod"), pair("team", "web")]
    sent = [pair("environment", "dev") | {"description": "is passed over"}]
    replaced = await control.data("PUT", f"{source_path}/labels", {"labels": sent})
    assert replaced["labels"] == [pair("environment", "dev")]
    assert (await control.data("PUT", f"{source_path}/labels", {"labels": []}))["labels"] == []


async def test_a_source_has_one_value_for_a_key_and_only_labels_that_exist(control, source_path):
    await control.data("POST", f"{source_path}/labels", {"labels": [pair("environment", "dev")]})
    second = await control.ask("POST", f"{source_path}/labels", {"labels": [pair("environment", "prod")]}, accept=V1)
    assert (second.status_code, second.json()["errors"][0]["field"]) == (400, "labels")
    unknown = await control.ask("POST", f"{source_path}/labels", {"labels": [pair("team", "x")]}, accept=V1)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "labels")
    assert (await control.data("GET", source_path))["source"]["labels"] == [pair("environment", "dev")]


async def test_a_label_is_deleted_only_where_nothing_has_it(control, source_path):
    await control.data("POST", f"{source_path}/labels", {"labels": [pair("environment", "dev")]})
    attached = await control.ask("DELETE", "/labels/environment/dev")
    assert (attached.status_code, attached.json()["errors"][0]["type"]) == (400, "bad-request")
    await control.data("DELETE", source_path)
    assert await control.data("DELETE", "/labels/environment/dev") == {"status": "SUCCESS"}
    assert (await control.ask("DELETE", "/labels/environment/dev")).status_code == 404
    assert (await control.data("GET", "/labels"))["labels"] == [pair("environment", "prod")]


async def test_changes_are_in_the_audit_trail(control, source_path):
    await control.data("POST", "/labels", pair("team", "web"))
    await control.data("PUT", f"{source_path}/labels", {"labels": [pair("team", "web")]})
    await control.data("PUT", f"{source_path}/labels", {"labels": []})
    await control.data("DELETE", "/labels/team/web")
    async with control.database.reading() as connection:
        rows = await connection.exec_driver_sql("select type from audit_events order by timestamp, id")
        types = [row.type for row in rows]
    assert types[-4:] == ["Label Created", "Source Modified", "Source Modified", "Label Deleted"]
