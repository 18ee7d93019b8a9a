"""The consent categories of a destination (stage D2). Beside the contract: the original tells none in its API."""

from typing import Annotated, Any

import msgspec
from pydantic import Field

from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input
from penstock.resources.destinations.entries import entry_of
from penstock.resources.destinations.repository import Destination, require_destination
from penstock.resources.destinations.service import title_of, touch

_PATH = "/penstock/destinations/{destinationId}/consent"
CATEGORIES_LIMIT = 100
Category = Annotated[str, Field(min_length=1, max_length=34, pattern=r"^[^0-9]")]


class UpdateConsent(Input):
    categories: Annotated[list[Category], Field(max_length=CATEGORIES_LIMIT)]


class Consent(Answer):
    destination_id: str
    categories: list[str]


class ConsentAnswer(Answer):
    consent: Consent


@operation("getDestinationConsent", "GET", _PATH, permission=Permission.DESTINATION_READ, answer=schemas(ConsentAnswer))
async def get_destination_consent(request: Request[Nothing]) -> dict[str, Any]:
    """The consent categories that a destination belongs to."""
    unit = request.unit
    found = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    return {"consent": _view(found)}


@operation(
    "updateDestinationConsent",
    "PATCH",
    _PATH,
    permission=Permission.CONSENT_ADMIN,
    body=schemas(UpdateConsent),
    answer=schemas(ConsentAnswer),
    audit=("Integration Modified",),
)
async def update_destination_consent(request: Request[UpdateConsent]) -> dict[str, Any]:
    """Replace the categories; none: the destination takes part in no consent, and gets what comes.

    Otherwise it gets an event with `context.consent.categoryPreferences` only where all of its categories are true
    there: one that is missing is not. An event without them is not judged. What is refused ends as filtered at its
    destination, `FILTERED_BY_END_USER_CONSENT`. A category has at most 34 characters, the first of them no digit.
    """
    unit = request.unit
    destination = await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])
    categories = msgspec.json.encode(list(dict.fromkeys(request.body.categories))).decode()
    if categories != destination.consent_categories:
        destination = await touch(unit, msgspec.structs.replace(destination, consent_categories=categories))
        title = title_of(destination, await entry_of(unit, destination))
        await unit.audit("Integration Modified", "DESTINATION", destination.id, title)
    return {"consent": _view(destination)}


def _view(destination: Destination) -> Consent:
    return Consent(destination_id=destination.id, categories=msgspec.json.decode(destination.consent_categories))
