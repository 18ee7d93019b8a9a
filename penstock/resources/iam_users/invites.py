"""Operations of the tag IAM Users, second part: invites. One becomes a user, with the same id, when it is accepted."""

from typing import Any

from penstock.api.auth import delete_tokens_of
from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission, ResourceType
from penstock.api.policies import forget_subjects
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.unit import Unit
from penstock.kit.ids import resource_id
from penstock.resources.iam_roles import PermissionInput, ResourceInput, replace_permissions
from penstock.resources.iam_users.joining import letter_to
from penstock.resources.iam_users.operations import WRITES
from penstock.resources.iam_users.repository import (
    Person,
    count_people,
    delete_people,
    email_key,
    insert_person,
    select_people_by_email,
    select_people_page,
)
from penstock.resources.iam_users.schemas import (
    CreateInvites,
    DeleteInvites,
    EmailsAnswer,
    InvitePermission,
    InvitesAnswer,
)
from penstock.resources.iam_users.service import GROUP, INVITE

PEOPLE_LIMIT = 10_000
"""Of one workspace, invited ones counted."""
_PATH = "/invites"
_INVITED = "Non-Segment User Invited to Workspace"


@operation("listInvites", "GET", _PATH, permission=Permission.ACCESS_READ, answer=schemas(InvitesAnswer), is_paged=True)
async def list_invites(request: Request[Nothing]) -> dict[str, Any]:
    """The addresses of those who are invited and have not joined, the oldest first."""
    unit = request.unit
    found, total = await select_people_page(unit.connection, unit.workspace_id, request.page, joined=False)
    shown, page = answer_page(request.page, found, total, lambda each: (each.created_at, each.id))
    return {"invites": [each.email for each in shown], "pagination": Pagination.of(page)}


@operation(
    "createInvites",
    "POST",
    _PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(CreateInvites),
    answer=schemas(EmailsAnswer),
    created=True,
    is_in_seed=False,
    # The original tells whether somebody has an account elsewhere. Here nobody has: people belong to one workspace.
    audit=(_INVITED, "New Segment User Invited to Workspace", "Policy Created", "Policy Deleted"),
    limit=WRITES,
)
async def create_invites(request: Request[CreateInvites]) -> dict[str, Any]:
    """Invite people, each with the permissions that they will have. To invite somebody again renews the invite.

    Where a mail server is configured, each gets a letter with a token to join with; else an owner hands one over
    (`createInviteToken`).
    """
    unit, asked = request.unit, request.body.invites
    keys = [email_key(each.email) for each in asked]
    if len(set(keys)) < len(keys):
        raise InputInvalid('"invites" names somebody twice', field="invites")
    present = await select_people_by_email(unit.connection, unit.workspace_id, keys)
    for number, key in enumerate(keys):
        if key in present and present[key].has_joined:
            raise BadRequest(f"{present[key].email} has joined already", field=f"invites.{number}.email")
    if await count_people(unit.connection, unit.workspace_id) + len(set(keys) - set(present)) > PEOPLE_LIMIT:
        raise BadRequest(f"a workspace has at most {PEOPLE_LIMIT} people")
    for each, key in zip(asked, keys, strict=True):
        person = present.get(key) or await _add(unit, each.email)
        wanted = [_permission(unit, permission) for permission in each.permissions]
        await replace_permissions(unit, (person.id, person.email), wanted)
        await unit.audit(_INVITED, INVITE, person.id, person.email)
        if unit.mail is not None:
            unit.letters.append(await letter_to(unit, person, unit.mail.public_url))
    return {"emails": [each.email for each in asked]}


async def _add(unit: Unit, email: str) -> Person:
    person = Person(resource_id(), unit.workspace_id, email, email_key(email), email, unit.now, None)
    await insert_person(unit.connection, person)
    return person


def _permission(unit: Unit, asked: InvitePermission) -> PermissionInput:
    """In the shape that permissions have elsewhere. Raises InputInvalid where labels have no workspace to narrow."""
    workspace = ResourceInput.model_validate({"id": unit.workspace_id, "type": "WORKSPACE"})
    resources = list(asked.resources) or [workspace]
    if asked.labels:
        if any(each.type is not ResourceType.WORKSPACE for each in resources):
            raise InputInvalid('"labels" narrow the workspace, no single resources', field="invites")
        resources = [each.model_copy(update={"labels": list(asked.labels)}) for each in resources]
    return PermissionInput.model_validate({"roleId": asked.role_id, "resources": resources})


@operation(
    "deleteInvites",
    "DELETE",
    _PATH,
    permission=Permission.ACCESS_ADMIN,
    body=schemas(DeleteInvites),
    answer=schemas(Deleted),
    audit=("Invite Deleted", "Group Memberships Deleted"),
    limit=WRITES,
)
async def delete_invites(request: Request[DeleteInvites]) -> dict[str, Any]:
    """Take invites back. Addresses that nobody is invited at are passed over."""
    unit = request.unit
    found = await select_people_by_email(unit.connection, unit.workspace_id, request.body.emails)
    gone = [person for person in found.values() if not person.has_joined]
    ids = [person.id for person in gone]
    members = await forget_subjects(unit.connection, ids)
    await delete_tokens_of(unit.connection, ids)
    await delete_people(unit.connection, unit.workspace_id, ids)
    for person in gone:
        if person.id in members:
            await unit.audit("Group Memberships Deleted", GROUP, person.id, person.email)
        await unit.audit("Invite Deleted", INVITE, person.id, person.email)
    return DELETED.model_dump()
