import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select

from penstock.api.auth import NewToken, insert_token
from penstock.api.policies import insert_policies
from penstock.api.reach import Reach
from penstock.api.roles import ROLES_BY_NAME
from penstock.infra.db import metadata
from penstock.resources.sources.scope import within
from penstock.resources.sources.table import source_labels, sources
from penstock.testing.control_plane import V1

KEYS, VALUES, IDS = ("environment", "team"), ("a", "b"), ("s1", "s2", "s3")
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(lambda found: frozenset(found.items()))
reaches = st.builds(
    Reach,
    is_whole=st.just(False) | st.booleans(),
    ids=st.frozensets(st.sampled_from(IDS)),
    label_sets=st.frozensets(labels.filter(bool), max_size=3),
)


@given(st.tuples(labels, labels, labels), reaches)
def test_lists_and_single_things_are_judged_alike(given_labels, reach):
    """The SQL of lists finds exactly what `covers` says of each source."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine, tables=[sources, source_labels])
    row = {"workspace_id": "w", "version": 1, "name": "", "metadata_id": "m", "enabled": True, "settings": "{}"}
    with engine.begin() as connection:
        for identifier, present in zip(IDS, given_labels, strict=True):
            values = row | {"id": identifier, "slug": identifier, "schema_name": identifier, "created_at": 1}
            connection.execute(insert(sources).values(values))
            for key, value in present:
                values = {"source_id": identifier, "workspace_id": "w", "key": key, "value": value}
                connection.execute(insert(source_labels).values(values))
        found = set(connection.execute(select(sources.c.id).where(*within(reach, sources.c.id))).scalars())
    engine.dispose()
    assert found == {each for each, present in zip(IDS, given_labels, strict=True) if reach.covers(each, present)}


@pytest.fixture
async def shops(control):
    """Four sources: dev of web, prod of web, dev of shop, and one without labels. Ids by slug."""
    await control.data("POST", "/labels", {"key": "team", "value": "web"})
    await control.data("POST", "/labels", {"key": "team", "value": "shop"})
    found = {}
    for slug, pairs in (
        ("dev-web", [("environment", "dev"), ("team", "web")]),
        ("prod-web", [("environment", "prod"), ("team", "web")]),
        ("dev-shop", [("environment", "dev"), ("team", "shop")]),
        ("bare", []),
    ):
        made = await control.data("POST", "/sources", {"slug": slug, "metadataId": "iUM16Md8P2"})
        found[slug] = made["source"]["id"]
        given_labels = {"labels": [{"key": key, "value": value} for key, value in pairs]}
        await control.data("PUT", f"/sources/{found[slug]}/labels", given_labels)
    return found


async def token_with(control, *grants):
    """A token of these roles; labels as `key:value`, anything else is the id of a source."""
    workspace_id = control.first_run.workspace_id
    name = f"token {len(control.tokens)}"
    control.tokens[name] = f"Bearer {name.replace(' ', '-')}"
    async with control.database.writing() as connection:
        now = control.clock.now_ms()
        token_id = await insert_token(connection, name.replace(" ", "-"), NewToken(workspace_id, name), now)
        for role, *on in grants:
            pairs = [{"key": each.partition(":")[0], "value": each.partition(":")[2]} for each in on if ":" in each]
            resources = [{"id": each, "type": "SOURCE"} for each in on if ":" not in each]
            workspace = {"id": workspace_id, "type": "WORKSPACE"} | ({"labels": pairs} if pairs else {})
            meaning = ROLES_BY_NAME[role].id, json.dumps(resources or [workspace])
            await insert_policies(connection, workspace_id, token_id, [meaning], now)
    return control.tokens[name]


async def listed(control, token, path="/sources"):
    data = await control.data("GET", path, accept=V1, authorization=token)
    shown = next(found for name, found in data.items() if name != "pagination")
    assert data["pagination"]["totalEntries"] == len(shown)
    return sorted(each.get("slug", each.get("name")) for each in shown)


class TestLists:
    async def test_the_labels_of_one_grant_narrow_together_and_grants_add_up(self, control, shops):
        read = "Source Read-only"
        for grants, expected in (
            ([(read, "environment:dev")], ["dev-shop", "dev-web"]),
            ([(read, "environment:dev", "team:web")], ["dev-web"]),
            ([(read, "environment:prod"), (read, "team:shop")], ["dev-shop", "prod-web"]),
            ([(read, "environment:prod"), (read, shops["bare"])], ["bare", "prod-web"]),
            (
                [(read, "team:web"), ("Source Admin", "environment:dev", "team:shop")],
                ["dev-shop", "dev-web", "prod-web"],
            ),
        ):
            assert await listed(control, await token_with(control, *grants)) == expected

    async def test_pages_and_the_total_count_what_is_shown_alone(self, control, shops):
        token = await token_with(control, ("Source Read-only", "team:web"))
        first = await control.data("GET", "/sources?pagination[count]=1", accept=V1, authorization=token)
        assert first["pagination"]["totalEntries"] == 2
        path = f"/sources?pagination[count]=1&pagination[cursor]={first['pagination']['next']}"
        second = await control.data("GET", path, accept=V1, authorization=token)
        assert "next" not in second["pagination"]
        assert [each["slug"] for each in first["sources"] + second["sources"]] == ["dev-web", "prod-web"]

    async def test_what_belongs_to_a_source_is_listed_with_it(self, control, shops):
        for slug, source_id in shops.items():
            asked = {"sourceId": source_id, "metadataId": "614a3c7d791c91c41bae7599", "name": slug}
            await control.data("POST", "/destinations", asked)
            asked = {"sourceId": source_id, "name": slug, "if": "all", "enabled": True, "drop": True}
            await control.data("POST", "/transformations", asked)
        token = await token_with(control, ("Source Read-only", "environment:dev"))
        assert await listed(control, token, "/destinations") == ["dev-shop", "dev-web"]
        assert await listed(control, token, "/transformations") == ["dev-shop", "dev-web"]

    async def test_sources_are_narrowed_where_other_things_list_them(self, control, shops):
        plan = (await control.data("POST", "/tracking-plans", {"name": "p", "type": "LIVE"}))["trackingPlan"]["id"]
        for source_id in shops.values():
            await control.data("POST", f"/tracking-plans/{plan}/sources", {"sourceId": source_id})
        (warehouse,) = (await control.data("GET", "/warehouses"))["warehouses"]
        reading = ("Source Read-only", "team:web")
        token = await token_with(control, reading, ("Tracking Plan Read-only",), ("Warehouse Destination Read-only",))
        for path in (f"/tracking-plans/{plan}/sources", f"/warehouses/{warehouse['id']}/connected-sources"):
            assert await listed(control, token, path) == ["dev-web", "prod-web"]


class TestWriteKeys:
    async def test_they_are_shown_for_what_is_administered(self, control, shops):
        token = await token_with(control, ("Source Read-only", "environment:dev"), ("Source Admin", "team:web"))
        data = await control.data("GET", "/sources", accept=V1, authorization=token)
        shown = {each["slug"]: len(each["writeKeys"]) for each in data["sources"]}
        assert shown == {"dev-web": 1, "prod-web": 1, "dev-shop": 0}
        one = await control.data("GET", f"/sources/{shops['dev-shop']}", accept=V1, authorization=token)
        assert one["source"]["writeKeys"] == []

    async def test_a_label_that_is_taken_away_closes_the_source_at_once(self, control, shops):
        token = await token_with(control, ("Source Admin", "team:web"))
        path = f"/sources/{shops['dev-web']}"
        await control.data("GET", path, authorization=token)
        await control.data("PUT", f"{path}/labels", {"labels": []})
        answer = await control.ask("GET", path, authorization=token)
        assert answer.status_code == 403
        message = answer.json()["errors"][0]["message"]
        assert message.startswith(f"the token lacks the permission source:read on source {shops['dev-web']}; roles")


class TestTwoThings:
    async def test_a_transformation_moves_only_between_sources_that_are_administered(self, control, shops):
        asked = {"sourceId": shops["dev-web"], "name": "t", "if": "all", "enabled": True, "drop": True}
        made = (await control.data("POST", "/transformations", asked))["transformation"]
        token = await token_with(control, ("Source Admin", "team:web"))
        path = f"/transformations/{made['id']}"
        away = await control.ask("PATCH", path, {"sourceId": shops["dev-shop"]}, authorization=token)
        assert away.status_code == 403
        await control.data("PATCH", path, {"sourceId": shops["prod-web"]}, authorization=token)

    async def test_events_are_forwarded_only_to_sources_that_are_administered(self, control, shops):
        token = await token_with(control, ("Source Admin", "team:web"))
        path = f"/sources/{shops['dev-web']}/settings"
        answer = await control.ask("PATCH", path, {"forwardingBlockedEventsTo": shops["bare"]}, authorization=token)
        assert answer.status_code == 403
        await control.data("PATCH", path, {"forwardingBlockedEventsTo": shops["prod-web"]}, authorization=token)

    async def test_a_connection_needs_the_administration_of_both_ends(self, control, shops):
        (warehouse,) = (await control.data("GET", "/warehouses"))["warehouses"]
        path = f"/warehouses/{warehouse['id']}/connected-sources/{shops['dev-web']}"
        source, both = ("Source Admin", "team:web"), ("Warehouse Destination Admin",)
        for grants, status in (([source], 403), ([both], 403), ([source, both], 200)):
            token = await token_with(control, *grants)
            assert (await control.ask("DELETE", path, authorization=token)).status_code == status

    async def test_labels_are_given_by_owners_alone(self, control, shops):
        token = await token_with(control, ("Source Admin",))
        answer = await control.ask("PUT", f"/sources/{shops['bare']}/labels", {"labels": []}, authorization=token)
        assert answer.status_code == 403


async def test_a_person_has_what_the_groups_of_the_person_have(control, shops):
    workspace = {"id": control.first_run.workspace_id, "type": "WORKSPACE"}
    await control.data("POST", "/invites", {"invites": [{"email": "ada@example.com"}]})
    await control.join("ada@example.com")
    token = control.tokens["ada@example.com"]
    assert (await control.ask("GET", "/sources", authorization=token)).status_code == 403
    for label in ("shop", "web"):
        group = (await control.data("POST", "/groups", {"name": label}))["userGroup"]["id"]
        resource = workspace | {"labels": [{"key": "team", "value": label}]}
        given_roles = [{"roleId": ROLES_BY_NAME["Source Read-only"].id, "resources": [resource]}]
        await control.data("PUT", f"/groups/{group}/permissions", {"permissions": given_roles})
        await control.data("POST", f"/groups/{group}/users", {"emails": ["ada@example.com"]})
    assert await listed(control, token) == ["dev-shop", "dev-web", "prod-web"]
    await control.data("DELETE", f"/groups/{group}")
    assert await listed(control, token) == ["dev-shop"]
