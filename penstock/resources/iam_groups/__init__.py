"""Groups of people, which have permissions that all their members have."""

from penstock.resources.iam_groups.members import (
    add_users_to_user_group,
    list_invites_from_user_group,
    list_user_groups_from_user,
    list_users_from_user_group,
    remove_users_from_user_group,
    replace_users_in_user_group,
)
from penstock.resources.iam_groups.operations import (
    add_permissions_to_user_group,
    create_user_group,
    delete_user_group,
    get_user_group,
    list_user_groups,
    replace_permissions_for_user_group,
    update_user_group,
)

USES = ("iam_roles", "iam_users")
OPERATIONS = (
    list_user_groups,
    create_user_group,
    get_user_group,
    update_user_group,
    delete_user_group,
    list_invites_from_user_group,
    list_users_from_user_group,
    add_users_to_user_group,
    replace_users_in_user_group,
    remove_users_from_user_group,
    add_permissions_to_user_group,
    replace_permissions_for_user_group,
    list_user_groups_from_user,
)
__all__ = ["OPERATIONS", "USES"]
