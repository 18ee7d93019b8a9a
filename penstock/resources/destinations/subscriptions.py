"""Operations of the tag Destinations, second part: subscriptions. All alpha, the official shape in every contract."""

from typing import Any

import msgspec

from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import page_of
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.api.versions import Contract
from penstock.resources.catalog import PresetEntry
from penstock.resources.destinations.repository import (
    Destination,
    Subscription,
    delete_subscription,
    require_destination,
    require_subscription,
    select_subscriptions,
    update_subscription,
)
from penstock.resources.destinations.schemas import (
    CreateSubscription,
    CreateSubscriptionAnswer,
    SubscriptionAnswer,
    SubscriptionChanges,
    SubscriptionsAnswer,
    UpdateSubscription,
)
from penstock.resources.destinations.service import (
    add_subscriptions,
    require_action,
    require_trigger,
    subscription_view,
    touch,
)

_PATH = "/destinations/{destinationId}/subscriptions"
_ONE_PATH = _PATH + "/{id}"
_ALPHA = (Contract.ALPHA,)
_WRITES = RateLimit(5)


async def _destination(request: Request[Any]) -> Destination:
    unit = request.unit
    return await require_destination(unit.connection, unit.workspace_id, request.path["destinationId"])


async def _subscription(request: Request[Any]) -> Subscription:
    unit, path = request.unit, request.path
    return await require_subscription(unit.connection, unit.workspace_id, path["destinationId"], path["id"])


@operation(
    "createDestinationSubscription",
    "POST",
    _PATH,
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(CreateSubscription),
    answer=schemas(CreateSubscriptionAnswer),
    limit=_WRITES,
    offered=_ALPHA,
    audit=("Destination Subscription Created",),
)
async def create_destination_subscription(request: Request[CreateSubscription]) -> dict[str, Any]:
    """Add a mapping after those that are there. `actionId` is the action's key; the trigger is checked here."""
    body, unit = request.body, request.unit
    destination = await _destination(request)
    await require_action(unit, destination, body.action_id)
    require_trigger(body.trigger, "trigger")
    wanted = PresetEntry(body.action_id, body.name, body.trigger, body.settings, body.enabled)
    (added,) = await add_subscriptions(unit, destination, [wanted], body.model_id)
    await touch(unit, destination)
    await unit.audit("Destination Subscription Created", "DESTINATION", destination.id, body.name)
    return {"destination_subscription": subscription_view(added)}


@operation(
    "listSubscriptionsFromDestination",
    "GET",
    _PATH,
    permission=Permission.DESTINATION_READ,
    answer=schemas(SubscriptionsAnswer),
    offered=_ALPHA,
    is_paged=True,
)
async def list_subscriptions_from_destination(request: Request[Nothing]) -> dict[str, Any]:
    """A destination's mappings, in the order in which they make their requests."""
    destination = await _destination(request)
    found = await select_subscriptions(request.unit.connection, request.workspace_id, destination.id)
    shown, page = page_of(found, request.page, lambda each: (each.position, each.id))
    return {"subscriptions": [subscription_view(each) for each in shown], "pagination": Pagination.of(page)}


@operation(
    "getSubscriptionFromDestination",
    "GET",
    _ONE_PATH,
    permission=Permission.DESTINATION_READ,
    answer=schemas(SubscriptionAnswer),
    offered=_ALPHA,
)
async def get_subscription_from_destination(request: Request[Nothing]) -> dict[str, Any]:
    """One mapping."""
    return {"subscription": subscription_view(await _subscription(request))}


@operation(
    "updateSubscriptionForDestination",
    "PATCH",
    _ONE_PATH,
    permission=Permission.DESTINATION_ADMIN,
    body=schemas(UpdateSubscription),
    answer=schemas(SubscriptionAnswer),
    limit=_WRITES,
    offered=_ALPHA,
    audit=("Destination Subscription Modified",),
)
async def update_subscription_for_destination(request: Request[UpdateSubscription]) -> dict[str, Any]:
    """Change what `input` holds. `settings` replaces the whole mapping; the action stays."""
    unit = request.unit
    subscription, destination = await _subscription(request), await _destination(request)
    changed = msgspec.structs.replace(subscription, **_changes(request.body.input))
    await update_subscription(unit.connection, changed)
    await touch(unit, destination)
    await unit.audit("Destination Subscription Modified", "DESTINATION", destination.id, changed.name)
    return {"subscription": subscription_view(changed)}


def _changes(body: SubscriptionChanges) -> dict[str, Any]:
    sent = body.sent()
    changes: dict[str, Any] = {name: sent[name] for name in ("name", "enabled") if name in sent}
    if "trigger" in sent:
        require_trigger(sent["trigger"], "input.trigger")
        changes["trigger"] = sent["trigger"]
    if "settings" in sent:
        changes["settings"] = msgspec.json.encode(sent["settings"]).decode()
    if "reverse_etl_model_id" in sent:
        changes["model_id"] = sent["reverse_etl_model_id"]
    if body.reverse_etl_schedule is not None:
        changes["schedule"] = body.reverse_etl_schedule.model_dump_json(exclude_unset=True)
    return changes


@operation(
    "removeSubscriptionFromDestination",
    "DELETE",
    _ONE_PATH,
    permission=Permission.DESTINATION_ADMIN,
    answer=schemas(Deleted),
    limit=_WRITES,
    offered=_ALPHA,
    audit=("Destination Subscription Deleted",),
)
async def remove_subscription_from_destination(request: Request[Nothing]) -> dict[str, Any]:
    """Remove a mapping. This cannot be undone."""
    unit = request.unit
    subscription, destination = await _subscription(request), await _destination(request)
    await delete_subscription(unit.connection, unit.workspace_id, subscription.id)
    await touch(unit, destination)
    await unit.audit("Destination Subscription Deleted", "DESTINATION", destination.id, subscription.name)
    return DELETED.model_dump()
