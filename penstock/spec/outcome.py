"""How an event ends: a named outcome and a bounded reason, spelled as the Delivery Overview spells them.

Up to stage 10 an outcome belongs to the event, from stage 11 on to (event, destination, subscription). `RECEIVED` and
`AWAITING_RETRY` are not final. Source: delivery.md §6, tracking-api.md §8.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """The steps of the Delivery Overview."""

    RECEIVED = "SUCCESSFULLY_RECEIVED"
    FAILED_ON_INGEST = "FAILED_ON_INGEST"
    FILTERED_AT_SOURCE = "FILTERED_AT_SOURCE"
    FILTERED_AT_DESTINATION = "FILTERED_AT_DESTINATION"
    FAILED_DELIVERY = "FAILED_DELIVERY"
    DELIVERED = "SUCCESSFUL_DELIVERY"
    AWAITING_RETRY = "AWAITING_RETRY"

    @property
    def is_final(self) -> bool:
        return self not in (Outcome.RECEIVED, Outcome.AWAITING_RETRY)


class IngestReason(StrEnum):
    """Why an event failed on ingest. Duplicates are a reason of our own: the original counts none."""

    EMPTY_BATCH = "empty_batch"
    EMPTY_BATCH_RESULT = "empty_batch_result"
    NO_USER_ANON_ID = "no_user_anon_id"
    ID_NOT_STRING = "id_not_string"
    EVENT_NOT_DEFINED = "event_not_defined"
    EVENT_NOT_STRING = "event_not_string"
    PROPERTIES_NOT_OBJECT = "properties_not_object"
    TRAITS_NOT_OBJECT = "traits_not_object"
    NAME_NOT_STRING = "name_not_string"
    CATEGORY_NOT_STRING = "category_not_string"
    CONSENT_SHOULD_EXIST = "consent_categorypreferences_should_exist"
    CONSENT_SHOULD_BE_OBJECT = "consent_categorypreferences_fields_should_be_object"
    CONSENT_SHOULD_BE_BOOL = "consent_categorypreferences_fields_should_be_bool"
    ADVERTISING_ID_NOT_STRING = "device_advertisingid_should_be_string"
    CONSENT_VERSION_NOT_NUMBER = "consent_version_should_be_number"
    GROUP_ID_REQUIRED = "group_id_required"
    ALIAS_ID_REQUIRED = "alias_id_required"
    CONTEXT_NOT_OBJECT = "context_not_object"
    INTEGRATIONS_NOT_OBJECT = "integrations_not_object"
    UNKNOWN_TYPE = "unknown_type"
    BAD_REQUEST = "bad_request"
    UNKNOWN_SOURCE = "unknown_source"
    SOURCE_DISABLED = "source_disabled"
    LOCKED_WORKSPACE = "locked_workspace"
    MESSAGE_ID_TOO_LONG = "message_id_too_long"
    EVENT_TOO_LARGE = "event_too_large"
    BATCH_LIMIT_EXCEEDED = "batch_limit_exceeded"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    INVALID_SETTINGS = "invalid_settings"
    INTERNAL = "internal"


class SourceReason(StrEnum):
    """Why an event was filtered at its source. The last three are reasons of our own: the original tells none."""

    UNPLANNED = "unplanned"
    SCHEMA_VIOLATION = "schema_violation"
    UNPLANNED_AND_SCHEMA_VIOLATION = "unplanned_and_schema_violation"
    COMMON_SCHEMA_VIOLATION = "common_schema_violation"
    EVENT_SETTING = "event_setting"
    TRANSFORMATION = "transformation"
    SUPPRESSED = "suppressed"
    DELETED = "deleted"


class DestinationReason(StrEnum):
    """Why a copy was filtered at its destination or failed delivery. A failed delivery may also bear a bare status."""

    FILTERED_BY_RULES = "FILTERED_BY_RULES"
    FILTERED_BY_INTEGRATIONS_OBJECT = "FILTERED_BY_INTEGRATIONS_OBJECT"
    FILTERED_BY_END_USER_CONSENT = "FILTERED_BY_END_USER_CONSENT"
    FILTERED_AT_MAPPING = "FILTERED_AT_MAPPING"
    FILTERED_AT_INSERT_FUNCTION = "FILTERED_AT_INSERT_FUNCTION"
    MESSAGE_SENT_CLIENT_SIDE = "MESSAGE_SENT_CLIENT_SIDE"
    UNSUPPORTED_EVENT_TYPE = "UNSUPPORTED_EVENT_TYPE"
    NO_MATCHING_MAPPING = "NO_MATCHING_MAPPING"
    INVALID_SETTINGS = "INVALID_SETTINGS"
    MESSAGE_REJECTED = "MESSAGE_REJECTED"
    DESTINATION_DISABLED = "DESTINATION_DISABLED"
    DESTINATION_DELETED = "DESTINATION_DELETED"
    SUBSCRIPTION_DELETED = "SUBSCRIPTION_DELETED"
    USER_DELETED = "USER_DELETED"
    USER_SUPPRESSED = "USER_SUPPRESSED"
    EXPIRED = "EXPIRED"
    INTERNAL = "INTERNAL"
