"""Typed access to every operation of the API, by tag.

Written by `make docs`; edits here are lost.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from penstock.client.asking import Ask

if TYPE_CHECKING:
    from penstock.client.public_api.api_calls import ApiCallsApi
    from penstock.client.public_api.api_tokens import ApiTokensApi
    from penstock.client.public_api.audit_trail import AuditTrailApi
    from penstock.client.public_api.catalog import CatalogApi
    from penstock.client.public_api.delivery_overview import DeliveryOverviewApi
    from penstock.client.public_api.destination_filters import DestinationFiltersApi
    from penstock.client.public_api.destinations import DestinationsApi
    from penstock.client.public_api.events import EventsApi
    from penstock.client.public_api.functions import FunctionsApi
    from penstock.client.public_api.iam_groups import IamGroupsApi
    from penstock.client.public_api.iam_roles import IamRolesApi
    from penstock.client.public_api.iam_users import IamUsersApi
    from penstock.client.public_api.labels import LabelsApi
    from penstock.client.public_api.monthly_tracked_users import MonthlyTrackedUsersApi
    from penstock.client.public_api.quarantine import QuarantineApi
    from penstock.client.public_api.regulations import RegulationsApi
    from penstock.client.public_api.schema import SchemaApi
    from penstock.client.public_api.selective_sync import SelectiveSyncApi
    from penstock.client.public_api.sources import SourcesApi
    from penstock.client.public_api.testing import TestingApi
    from penstock.client.public_api.tracking_plans import TrackingPlansApi
    from penstock.client.public_api.transformations import TransformationsApi
    from penstock.client.public_api.violations import ViolationsApi
    from penstock.client.public_api.warehouse_syncs import WarehouseSyncsApi
    from penstock.client.public_api.warehouses import WarehousesApi
    from penstock.client.public_api.what_if import WhatIfApi
    from penstock.client.public_api.workspaces import WorkspacesApi


class PublicApi:
    """A tag's types are loaded when it is first used."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    @cached_property
    def workspaces(self) -> "WorkspacesApi":
        """The tenant that owns everything else."""
        from penstock.client.public_api.workspaces import WorkspacesApi

        return WorkspacesApi(self._ask)

    @cached_property
    def labels(self) -> "LabelsApi":
        """The keys and values by which sources are grouped and access is narrowed."""
        from penstock.client.public_api.labels import LabelsApi

        return LabelsApi(self._ask)

    @cached_property
    def iam_roles(self) -> "IamRolesApi":
        """Who may do what, and on what."""
        from penstock.client.public_api.iam_roles import IamRolesApi

        return IamRolesApi(self._ask)

    @cached_property
    def iam_users(self) -> "IamUsersApi":
        """Users, and invites that become users."""
        from penstock.client.public_api.iam_users import IamUsersApi

        return IamUsersApi(self._ask)

    @cached_property
    def iam_groups(self) -> "IamGroupsApi":
        """Groups of people, which have permissions that all their members have."""
        from penstock.client.public_api.iam_groups import IamGroupsApi

        return IamGroupsApi(self._ask)

    @cached_property
    def api_tokens(self) -> "ApiTokensApi":
        """What programs and people ask with. Our own, beside the contract, which leaves them to a web page."""
        from penstock.client.public_api.api_tokens import ApiTokensApi

        return ApiTokensApi(self._ask)

    @cached_property
    def audit_trail(self) -> "AuditTrailApi":
        """Who has changed what."""
        from penstock.client.public_api.audit_trail import AuditTrailApi

        return AuditTrailApi(self._ask)

    @cached_property
    def sources(self) -> "SourcesApi":
        """The configured origins of events, and their write keys."""
        from penstock.client.public_api.sources import SourcesApi

        return SourcesApi(self._ask)

    @cached_property
    def tracking_plans(self) -> "TrackingPlansApi":
        """Which events sources may send, by rules; a source has at most one."""
        from penstock.client.public_api.tracking_plans import TrackingPlansApi

        return TrackingPlansApi(self._ask)

    @cached_property
    def violations(self) -> "ViolationsApi":
        """How often events were not as their source's tracking plan has them, and in which ways. Our own."""
        from penstock.client.public_api.violations import ViolationsApi

        return ViolationsApi(self._ask)

    @cached_property
    def schema(self) -> "SchemaApi":
        """What the events of a source were seen to hold. Our own, beside the contract."""
        from penstock.client.public_api.schema import SchemaApi

        return SchemaApi(self._ask)

    @cached_property
    def transformations(self) -> "TransformationsApi":
        """What becomes of a source's events on their way, by a condition."""
        from penstock.client.public_api.transformations import TransformationsApi

        return TransformationsApi(self._ask)

    @cached_property
    def destinations(self) -> "DestinationsApi":
        """The configured receivers of a source's events, and their subscriptions."""
        from penstock.client.public_api.destinations import DestinationsApi

        return DestinationsApi(self._ask)

    @cached_property
    def destination_filters(self) -> "DestinationFiltersApi":
        """What a destination must not get of its source's events."""
        from penstock.client.public_api.destination_filters import DestinationFiltersApi

        return DestinationFiltersApi(self._ask)

    @cached_property
    def warehouses(self) -> "WarehousesApi":
        """The configured analytical databases, and which sources they load."""
        from penstock.client.public_api.warehouses import WarehousesApi

        return WarehousesApi(self._ask)

    @cached_property
    def warehouse_syncs(self) -> "WarehouseSyncsApi":
        """Past syncs of warehouses, as the warehousing role reports them."""
        from penstock.client.public_api.warehouse_syncs import WarehouseSyncsApi

        return WarehouseSyncsApi(self._ask)

    @cached_property
    def selective_sync(self) -> "SelectiveSyncApi":
        """What a warehouse does not load of its sources, and at which hours it loads."""
        from penstock.client.public_api.selective_sync import SelectiveSyncApi

        return SelectiveSyncApi(self._ask)

    @cached_property
    def functions(self) -> "FunctionsApi":
        """The workspace's own JavaScript, as a source, as a destination, or inserted between the two."""
        from penstock.client.public_api.functions import FunctionsApi

        return FunctionsApi(self._ask)

    @cached_property
    def regulations(self) -> "RegulationsApi":
        """Requests to delete what is kept of people, and to take nothing of theirs any more."""
        from penstock.client.public_api.regulations import RegulationsApi

        return RegulationsApi(self._ask)

    @cached_property
    def quarantine(self) -> "QuarantineApi":
        """Events that were blocked or could not be delivered, for 14 days. Beside the contract."""
        from penstock.client.public_api.quarantine import QuarantineApi

        return QuarantineApi(self._ask)

    @cached_property
    def what_if(self) -> "WhatIfApi":
        """What a change would do to the events that were accepted, before it is made. Beside the contract."""
        from penstock.client.public_api.what_if import WhatIfApi

        return WhatIfApi(self._ask)

    @cached_property
    def catalog(self) -> "CatalogApi":
        """What can be connected, as opposed to what is."""
        from penstock.client.public_api.catalog import CatalogApi

        return CatalogApi(self._ask)

    @cached_property
    def delivery_overview(self) -> "DeliveryOverviewApi":
        """How events ended, counted from what the data plane reports."""
        from penstock.client.public_api.delivery_overview import DeliveryOverviewApi

        return DeliveryOverviewApi(self._ask)

    @cached_property
    def events(self) -> "EventsApi":
        """How many a workspace has received, by source, type and name, over time."""
        from penstock.client.public_api.events import EventsApi

        return EventsApi(self._ask)

    @cached_property
    def api_calls(self) -> "ApiCallsApi":
        """How many events a workspace and its sources have sent, by day of a month."""
        from penstock.client.public_api.api_calls import ApiCallsApi

        return ApiCallsApi(self._ask)

    @cached_property
    def monthly_tracked_users(self) -> "MonthlyTrackedUsersApi":
        """How many different people a workspace and its sources have seen, by day of a month."""
        from penstock.client.public_api.monthly_tracked_users import MonthlyTrackedUsersApi

        return MonthlyTrackedUsersApi(self._ask)

    @cached_property
    def testing(self) -> "TestingApi":
        """An operation that answers what it is told to, by which clients try out how they take it."""
        from penstock.client.public_api.testing import TestingApi

        return TestingApi(self._ask)
