"""How an invited person becomes a user: our own, beside the contract, which leaves it to a web page.

An invite's token can do one thing, accept the invite, and is good for INVITE_DAYS. Whoever accepts gets a token of
their own, shown once, with the permissions that the invite holds at that moment and those of the invite's groups.
"""

from typing import Any

import msgspec

from penstock.api.auth import NewToken, delete_tokens_of, insert_token, new_token
from penstock.api.errors import BadRequest, NotFound
from penstock.api.operation import Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.unit import Unit
from penstock.infra.mail import Letter
from penstock.kit.time import format_iso
from penstock.resources.iam_users.operations import WRITES
from penstock.resources.iam_users.repository import (
    Person,
    email_key,
    select_people,
    select_people_by_email,
    update_person,
)
from penstock.resources.iam_users.schemas import (
    AcceptedAnswer,
    AcceptInvite,
    CreateInviteToken,
    InviteToken,
    InviteTokenAnswer,
    MinimalUser,
)
from penstock.resources.iam_users.service import USER
from penstock.resources.workspaces import workspace_name

INVITE_DAYS = 7
_TEXT = """You are invited to the workspace {name} of Penstock at {url}.

This command joins it, and shows a token of your own, once:

    penstock iam-users accept-invite --url {url} --token {token} --name "YOUR NAME"

So does this request:

    curl -X POST {url}/penstock/invites/accept -H "Authorization: Bearer {token}" \\
      -H "Content-Type: application/json" -d '{{"name": "YOUR NAME"}}'

The invite is good until {until}. Whoever has this letter can use it.
"""
_DAY_MS = 24 * 60 * 60 * 1000


@operation(
    "createInviteToken",
    "POST",
    "/penstock/invites/token",
    permission=Permission.ACCESS_ADMIN,
    body=schemas(CreateInviteToken),
    answer=schemas(InviteTokenAnswer),
    audit=("Invite Token Created",),
    limit=WRITES,
)
async def create_invite_token(request: Request[CreateInviteToken]) -> dict[str, Any]:
    """A token with which somebody who is invited can join, for those who hand it over themselves. It is shown once.

    Tokens of the same invite from before are good for nothing then.
    """
    unit, email = request.unit, request.body.email
    person = (await select_people_by_email(unit.connection, unit.workspace_id, [email])).get(email_key(email))
    if person is None or person.has_joined:
        raise NotFound(f"nobody is invited at {email}")
    token, expires_at = await renew_token(unit, person)
    await unit.audit("Invite Token Created", USER, person.id, person.email)
    return {"invite": InviteToken(email=person.email, token=token, expires_at=format_iso(expires_at))}


async def renew_token(unit: Unit, person: Person) -> tuple[str, int]:
    """The one token of an invite, and until when it is good."""
    token, expires_at = new_token(), unit.now + INVITE_DAYS * _DAY_MS
    await delete_tokens_of(unit.connection, [person.id])
    held = (str(Permission.INVITE_ACCEPT),)
    kept = NewToken(unit.workspace_id, "invite", held, person.id, person.email, expires_at)
    await insert_token(unit.connection, token, kept, unit.now)
    return token, expires_at


async def letter_to(unit: Unit, person: Person, url: str) -> Letter:
    """With a new token, and with how to use it."""
    token, expires_at = await renew_token(unit, person)
    name = await workspace_name(unit.connection, unit.workspace_id)
    text = _TEXT.format(name=name, url=url, token=token, until=format_iso(expires_at))
    return Letter(person.email, f"You are invited to {name}", text)


@operation(
    "acceptInvite",
    "POST",
    "/penstock/invites/accept",
    permission=Permission.INVITE_ACCEPT,
    body=schemas(AcceptInvite),
    answer=schemas(AcceptedAnswer),
    audit=("User Invite Accepted",),
    limit=WRITES,
)
async def accept_invite(request: Request[AcceptInvite]) -> dict[str, Any]:
    """Join the workspace, asked with the token of an invite. The answer holds a token of one's own, shown once."""
    unit = request.unit
    found = await select_people(unit.connection, unit.workspace_id, [unit.principal.user_id])
    if not found or found[0].has_joined:
        raise BadRequest("this token is no invite's")
    person = msgspec.structs.replace(found[0], name=request.body.name or found[0].email, joined_at=unit.now)
    await update_person(unit.connection, person)
    await delete_tokens_of(unit.connection, [person.id])
    token = new_token()
    kept = NewToken(unit.workspace_id, person.email, user_id=person.id, email=person.email)
    await insert_token(unit.connection, token, kept, unit.now)
    await unit.audit("User Invite Accepted", USER, person.id, person.email)
    return {"user": MinimalUser(id=person.id, name=person.name, email=person.email), "token": token}
