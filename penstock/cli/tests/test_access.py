import pytest

pytestmark = pytest.mark.one_database


async def created(commands, *options):
    made = await commands.json("token", "create", "--name", "ci", "--role", "Source Read-only", *options)
    return made["token"]["permissions"][0]["resources"], made["secret"]


class TestToken:
    async def test_a_token_opens_what_its_role_says(self, commands):
        resources, secret = await created(commands)
        assert resources == [{"id": commands.control.first_run.workspace_id, "type": "WORKSPACE"}]
        assert len(await commands.json("sources", "list", PENSTOCK_TOKEN=secret)) == 1
        assert "lacks the permission access:read" in await commands.refused("iam-users", "list", PENSTOCK_TOKEN=secret)

    async def test_a_role_is_narrowed_to_sources_and_to_labels(self, commands):
        (source,) = await commands.json("sources", "list")
        resources, secret = await created(commands, "--source", source["id"])
        assert resources == [{"id": source["id"], "type": "SOURCE"}]
        assert len(await commands.json("sources", "list", PENSTOCK_TOKEN=secret)) == 1
        resources, secret = await created(commands, "--label", "environment:prod")
        assert resources[0]["labels"] == [{"key": "environment", "value": "prod"}]
        assert await commands.json("sources", "list", PENSTOCK_TOKEN=secret) == []

    async def test_tokens_are_listed_without_their_texts_and_revoked(self, commands):
        _, secret = await created(commands)
        _, listed = await commands.json("token", "list")
        assert (listed["name"], listed["isUnbounded"]) == ("ci", False)
        assert secret not in str(listed)
        assert (await commands.run("token", "revoke", listed["id"])).exit_code == 0
        assert "is not known" in await commands.refused("sources", "list", PENSTOCK_TOKEN=secret)

    async def test_what_cannot_be_is_told_in_one_line(self, commands):
        named = ("token", "create", "--name", "n", "--role")
        assert "no role Boss" in await commands.refused(*named, "Boss")
        assert "key:value, not prod" in await commands.refused(*named, "Source Admin", "--label", "prod")
        refused = await commands.refused(*named, "Workspace Owner", "--source", "x")
        assert "is not what the role Workspace Owner is given on" in refused


class TestWorkspace:
    async def test_a_workspace_is_made_and_its_owner_goes_on_by_the_token(self, commands):
        made = await commands.json("workspace", "create", "Second")
        (source,) = await commands.json("sources", "list", PENSTOCK_TOKEN=made["token"])
        assert source["workspaceId"] == made["workspace"]["id"]
        assert [each["slug"] for each in await commands.json("workspace", "list")] == ["test-workspace", "second"]
        assert "lacks the permission" in await commands.refused("workspace", "list", PENSTOCK_TOKEN=made["token"])
