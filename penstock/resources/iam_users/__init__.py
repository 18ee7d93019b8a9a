"""People: users, and invites that become users."""

from penstock.resources.iam_users.invites import create_invites, delete_invites, list_invites
from penstock.resources.iam_users.joining import accept_invite, create_invite_token
from penstock.resources.iam_users.operations import (
    WRITES,
    add_permissions_to_user,
    delete_users,
    get_user,
    list_users,
    replace_permissions_for_user,
    user_of,
)
from penstock.resources.iam_users.repository import (
    Person,
    email_key,
    require_user,
    select_people_by_email,
    select_people_page,
)
from penstock.resources.iam_users.schemas import AT_ONCE, EmailsAnswer, MinimalUser
from penstock.resources.iam_users.service import GROUP, USER, keeping_an_owner

USES = ("iam_roles", "workspaces")
OPERATIONS = (
    list_invites,
    create_invites,
    delete_invites,
    list_users,
    delete_users,
    get_user,
    add_permissions_to_user,
    replace_permissions_for_user,
    create_invite_token,
    accept_invite,
)
__all__ = [
    "AT_ONCE",
    "GROUP",
    "OPERATIONS",
    "USER",
    "USES",
    "WRITES",
    "EmailsAnswer",
    "MinimalUser",
    "Person",
    "email_key",
    "keeping_an_owner",
    "require_user",
    "select_people_by_email",
    "select_people_page",
    "user_of",
]
