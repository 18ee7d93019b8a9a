"""Some of the last events of a source, as they are routed: asked of the engine, which reads them from the log."""

from typing import ClassVar

import msgspec

from penstock.spec.calls import Call


class FindSamples(Call, frozen=True):
    """The last events of one type and name, or those with these message ids; at most `limit`."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "find_samples"
    workspace_id: str
    source_id: str
    event_type: str
    event_name: str
    limit: int
    message_ids: tuple[str, ...] = ()


class SampledEvents(msgspec.Struct, frozen=True):
    """JSON texts, the last one first."""

    events: list[bytes]
