"""What is asked of quarantine and told of it."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from penstock.api.query import listed, number_to, place_of
from penstock.api.schema import Answer, Input
from penstock.api.times import OptionalTime

PAGE_LIMIT = 1_000
ENDED_LIMIT = 10_000
"""Events that leave with one request."""
Text = Annotated[str, Field(max_length=500)]


Ids = Annotated[list[Text], BeforeValidator(listed), Field(max_length=PAGE_LIMIT)]


class Wanted(Input):
    """All that is set must hold."""

    source_id: Text = Field(default="", description="Of this source and its destinations.")
    destination_id: Text = Field(default="", description="What could not be delivered to this destination.")
    reason: Text = Field(default="", description="Why it is there, as the list tells it, such as `unplanned`.")
    event: Text = Field(
        default="", description="The name of a tracked event, exactly, or of a page or screen that was blocked."
    )
    user: Text = Field(default="", description="The user id of the event.")
    message_id: Text = Field(default="", description="The message id of the event.")
    since: OptionalTime = Field(default="", description="Came to quarantine at this time (ISO 8601) or later.")
    until: OptionalTime = Field(default="", description="Came to quarantine before this time (ISO 8601).")
    ids: Ids = Field(default=[], description="Ids that the list tells.")


class ListQuarantine(Wanted):
    count: Annotated[str, number_to(PAGE_LIMIT), Field(description="Events of a page: 1,000 at most.")] = "200"
    after: Annotated[Text, place_of(3)] = Field(
        default="", description="Where the page begins: `next` of the one before."
    )


class EndQuarantine(Wanted):
    """`all` must be true where nothing else is set, so that an empty body empties nothing."""

    all: bool = Field(default=False, description="All that is held, where nothing else is set.")
    limit: Annotated[int, Field(ge=1, le=ENDED_LIMIT, description="Events that leave at most.")] = ENDED_LIMIT


class HeldEvent(Answer):
    id: str
    source_id: str
    destination_id: str
    subscription_id: str
    event_type: str
    event_name: str
    message_id: str
    user_id: str
    outcome: str
    reason: str
    attempts: int
    first_attempt_at: str = ""
    held_at: str
    response: str


class HeldEventsAnswer(Answer):
    events: list[HeldEvent]
    next: str = ""


class WholeEventAnswer(Answer):
    held: HeldEvent
    event: dict[str, Any]


class EndedAnswer(Answer):
    count: int
    kept: int
    has_more: bool
