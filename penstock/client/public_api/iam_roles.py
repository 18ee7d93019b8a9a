"""IAM Roles: Who may do what, and on what.

Written by `make docs`; edits here are lost.
"""

from typing import TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import Pagination


class Role(TypedDict):
    id: str
    name: str
    description: str


class RolesAnswer(TypedDict):
    roles: list[Role]
    pagination: Pagination


class IamRolesApi:
    """Who may do what, and on what."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_roles(self, *, count: int | None = None, cursor: str | None = None) -> RolesAnswer:
        """The roles that people, groups and tokens can have. Every installation has the same, with the same ids."""
        answer: RolesAnswer = self._ask(
            "GET", "/roles", query={"pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer
