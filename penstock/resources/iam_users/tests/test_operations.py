import asyncio
import re

import pytest

from penstock.api.roles import MEMBER_ID, OWNER_ID, ROLES_BY_NAME
from penstock.infra.mail import Mailer
from penstock.testing.control_plane import V1
from penstock.testing.post_office import post_office

ADA, BOB = "Ada@example.com", "bob@example.com"
SOURCE_ADMIN = ROLES_BY_NAME["Source Admin"].id
WAREHOUSE_ADMIN = ROLES_BY_NAME["Warehouse Destination Admin"].id
DEV = [{"key": "environment", "value": "dev"}]


@pytest.fixture
def workspace(control):
    return {"id": control.first_run.workspace_id, "type": "WORKSPACE"}


def given(role_id, *resources):
    return {"roleId": role_id, "resources": list(resources)}


async def invite(control, email, *permissions):
    await control.data("POST", "/invites", {"invites": [{"email": email, "permissions": list(permissions)}]})
    return await control.join(email)


async def audited(control):
    events = (await control.data("GET", "/audit-events?pagination[count]=200"))["events"]
    return [event["type"] for event in reversed(events)]


class TestCreateInvites:
    async def test_somebody_is_invited_and_listed_by_the_address_alone(self, control):
        asked = {"invites": [{"email": ADA}, {"email": BOB}]}
        answer = await control.ask("POST", "/invites", asked, accept=V1)
        assert (answer.status_code, answer.json()) == (201, {"data": {"emails": [ADA, BOB]}})
        assert sorted((await control.data("GET", "/invites", accept=V1))["invites"]) == [ADA, BOB]
        assert (await control.data("GET", "/users", accept=V1))["users"] == []

    async def test_labels_of_an_invite_narrow_the_workspace(self, control, workspace):
        user_id = await invite(control, ADA, {"roleId": SOURCE_ADMIN, "resources": [workspace], "labels": DEV})
        (permission,) = (await control.data("GET", f"/users/{user_id}"))["user"]["permissions"]
        assert permission == {
            "roleId": SOURCE_ADMIN,
            "roleName": "Source Admin",
            "resources": [workspace | {"labels": DEV}],
        }

    async def test_inviting_again_gives_the_new_permissions_alone(self, control, workspace):
        await control.data("POST", "/invites", {"invites": [{"email": ADA, "permissions": [{"roleId": MEMBER_ID}]}]})
        user_id = await invite(control, ADA.lower(), given(SOURCE_ADMIN, workspace))
        user = (await control.data("GET", f"/users/{user_id}"))["user"]
        assert [each["roleId"] for each in user["permissions"]] == [SOURCE_ADMIN]
        assert user["email"] == ADA

    async def test_who_has_joined_is_not_invited_again(self, control):
        await invite(control, ADA)
        answer = await control.ask("POST", "/invites", {"invites": [{"email": ADA}]})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "invites.0.email"

    @pytest.mark.parametrize("email", ["", "ada", "a@b@c", "a b@c", "a@", "@b", "a\n@b", "a@b\n", "x" * 251 + "@b.c"])
    async def test_what_is_no_address_is_refused(self, control, email):
        answer = await control.ask("POST", "/invites", {"invites": [{"email": email}]})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "invites.0.email"


class TestAcceptInvite:
    async def test_who_accepts_is_a_user_with_a_name_and_a_token(self, control):
        await control.data("POST", "/invites", {"invites": [{"email": ADA}]})
        made = (await control.data("POST", "/penstock/invites/token", {"email": ADA}))["invite"]
        authorization = f"Bearer {made['token']}"
        joined = await control.data("POST", "/penstock/invites/accept", {"name": "Ada"}, authorization=authorization)
        assert joined["user"]["name"] == "Ada"
        assert (await control.data("GET", "/users"))["users"][0]["name"] == "Ada"
        assert (await control.data("GET", "/invites"))["invites"] == []
        again = await control.ask("POST", "/penstock/invites/accept", {}, authorization=authorization)
        assert again.status_code == 401

    async def test_an_invite_is_good_for_a_week_and_until_the_next_one(self, control):
        await control.data("POST", "/invites", {"invites": [{"email": ADA}]})
        tokens = []
        for _ in range(2):
            made = await control.data("POST", "/penstock/invites/token", {"email": ADA})
            tokens.append(f"Bearer {made['invite']['token']}")
        replaced = await control.ask("POST", "/penstock/invites/accept", {}, authorization=tokens[0])
        assert replaced.status_code == 401
        control.clock.advance(7 * 24 * 3600)
        expired = await control.ask("POST", "/penstock/invites/accept", {}, authorization=tokens[1])
        assert expired.json()["errors"][0]["message"] == "the token has expired"

    async def test_the_token_of_an_invite_opens_nothing_else(self, control, workspace):
        asked = {"email": ADA, "permissions": [given(OWNER_ID, workspace)]}
        await control.data("POST", "/invites", {"invites": [asked]})
        made = await control.data("POST", "/penstock/invites/token", {"email": ADA})
        answer = await control.ask("GET", "/users", authorization=f"Bearer {made['invite']['token']}")
        assert answer.status_code == 403

    async def test_a_token_that_is_no_invites_accepts_nothing(self, control):
        assert (await control.ask("POST", "/penstock/invites/accept", {})).status_code == 400

    async def test_nobody_who_is_not_invited_gets_a_token(self, control):
        await invite(control, ADA)
        for email in (ADA, BOB):
            assert (await control.ask("POST", "/penstock/invites/token", {"email": email})).status_code == 404


class TestDeleteInvites:
    async def test_an_invite_is_gone_with_its_token(self, control):
        await control.data("POST", "/invites", {"invites": [{"email": ADA}]})
        made = await control.data("POST", "/penstock/invites/token", {"email": ADA})
        assert await control.data("DELETE", f"/invites?emails={ADA.lower()}&emails=x") == {"status": "SUCCESS"}
        assert (await control.data("GET", "/invites"))["invites"] == []
        authorization = f"Bearer {made['invite']['token']}"
        assert (
            await control.ask("POST", "/penstock/invites/accept", {}, authorization=authorization)
        ).status_code == 401

    async def test_who_has_joined_stays(self, control):
        await invite(control, ADA)
        await control.data("DELETE", f"/invites?emails.0={ADA}")
        assert len((await control.data("GET", "/users"))["users"]) == 1


class TestDeleteUsers:
    @pytest.mark.parametrize("query", ["", "?userIds.0=", "?userIds=", "?userIds[0]=nothing", "?userIds=a&userIds=b"])
    async def test_ids_that_nobody_has_are_passed_over(self, control, query):
        assert await control.data("DELETE", f"/users{query}") == {"status": "SUCCESS"}

    async def test_a_user_is_gone_with_permissions_and_token(self, control, workspace):
        user_id = await invite(control, ADA, given(OWNER_ID, workspace))
        await invite(control, BOB, given(OWNER_ID, workspace))
        await control.data("DELETE", f"/users?userIds.0={user_id}")
        assert (await control.ask("GET", f"/users/{user_id}")).status_code == 404
        assert (await control.ask("GET", "/workspace", authorization=control.tokens[ADA])).status_code == 401
        assert "User Removed" in await audited(control)

    async def test_the_last_owner_stays(self, control, workspace):
        ada = await invite(control, ADA, given(OWNER_ID, workspace))
        await invite(control, BOB, given(SOURCE_ADMIN, workspace))
        answer = await control.ask("DELETE", f"/users?userIds.0={ada}")
        assert (answer.status_code, answer.json()["errors"][0]["type"]) == (400, "bad-request")
        assert len((await control.data("GET", "/users"))["users"]) == 2


class TestPermissions:
    async def test_what_is_set_comes_back(self, control, workspace):
        user_id = await invite(control, ADA)
        (source,) = (await control.data("GET", "/sources"))["sources"]
        wanted = [
            given(SOURCE_ADMIN, {"id": source["id"], "type": "SOURCE"}),
            given(SOURCE_ADMIN, workspace | {"labels": DEV}),
            given(WAREHOUSE_ADMIN, workspace),
        ]
        answered = (await control.data("PUT", f"/users/{user_id}/permissions", {"permissions": wanted}))["permissions"]
        kept = (await control.data("GET", f"/users/{user_id}"))["user"]["permissions"]
        for found in (answered, kept):
            assert sorted(map(str, wanted)) == sorted(
                str({k: v for k, v in each.items() if k != "roleName"}) for each in found
            )

    async def test_adding_keeps_and_adding_again_changes_nothing(self, control, workspace):
        user_id = await invite(control, ADA, given(MEMBER_ID, workspace))
        added = {"permissions": [given(WAREHOUSE_ADMIN, workspace)]}
        for _ in range(2):
            answered = await control.data("POST", f"/users/{user_id}/permissions", added)
        assert sorted(each["roleName"] for each in answered["permissions"]) == [
            "Minimal Workspace Access",
            "Warehouse Destination Admin",
        ]
        assert (await audited(control)).count("Policy Created") == 2

    async def test_the_last_owner_stays_one(self, control, workspace):
        user_id = await invite(control, ADA, given(OWNER_ID, workspace))
        answer = await control.ask("PUT", f"/users/{user_id}/permissions", {"permissions": []})
        assert answer.status_code == 400
        await invite(control, BOB, given(OWNER_ID, workspace))
        assert await control.data("PUT", f"/users/{user_id}/permissions", {"permissions": []}) == {"permissions": []}

    async def test_what_cannot_be_is_refused_by_name(self, control, workspace):
        user_id = await invite(control, ADA)
        field = "permissions.0.resources.0"
        for permission, wrong in (
            (given("nothing", workspace), "permissions.0.roleId"),
            (given(SOURCE_ADMIN), "permissions.0.resources"),
            (given(SOURCE_ADMIN, {"id": "another", "type": "WORKSPACE"}), f"{field}.id"),
            (given(SOURCE_ADMIN, {"id": "x", "type": "WAREHOUSE"}), f"{field}.type"),
            (given(SOURCE_ADMIN, {"id": "x", "type": "PLANET"}), f"{field}.type"),
            (given(SOURCE_ADMIN, {"id": "x", "type": "SOURCE"}), f"{field}.id"),
            (given(SOURCE_ADMIN, {"id": "x", "type": "SOURCE", "labels": DEV}), f"{field}.labels"),
            (given(WAREHOUSE_ADMIN, workspace | {"labels": DEV}), f"{field}.labels"),
            (given(SOURCE_ADMIN, workspace | {"labels": [{"key": "no", "value": "where"}]}), f"{field}.labels"),
        ):
            answer = await control.ask("PUT", f"/users/{user_id}/permissions", {"permissions": [permission]}, accept=V1)
            assert answer.status_code == 422, permission
            assert answer.json()["errors"][0]["field"] == wrong

    async def test_a_label_that_narrows_a_permission_cannot_be_deleted(self, control, workspace):
        user_id = await invite(control, ADA, given(SOURCE_ADMIN, workspace | {"labels": DEV}))
        assert (await control.ask("DELETE", "/labels/environment/dev")).status_code == 400
        await control.data("PUT", f"/users/{user_id}/permissions", {"permissions": []})
        await control.data("DELETE", "/labels/environment/dev")


class TestLetters:
    async def test_who_is_invited_joins_with_what_the_letter_says(self, control):
        async with post_office() as office:
            control.services.mail = Mailer(office.url, "penstock@example.com", "https://penstock.example")
            await control.data("POST", "/invites", {"invites": [{"email": ADA}, {"email": BOB}]})
            await asyncio.gather(*control.services._sending)
        letters = {letter["To"]: letter.get_payload(decode=True).decode() for letter in office.letters}
        assert set(letters) == {ADA, BOB}
        assert "the workspace Test workspace of Penstock at https://penstock.example." in letters[ADA]
        (token,) = set(re.findall(r"--token (\S+)|Bearer ([^\s\"]+)", letters[ADA])[0]) - {""}
        joined = await control.data("POST", "/penstock/invites/accept", {}, authorization=f"Bearer {token}")
        assert joined["user"]["email"] == ADA

    async def test_a_letter_that_is_not_taken_leaves_the_invite(self, control):
        async with post_office(refuses=True) as office:
            control.services.mail = Mailer(office.url, "penstock@example.com")
            await control.data("POST", "/invites", {"invites": [{"email": ADA}]})
            await asyncio.gather(*control.services._sending)
        assert (await control.data("GET", "/invites"))["invites"] == [ADA]
        await control.join(ADA)
