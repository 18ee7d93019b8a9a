import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.editing import Editing
from penstock.delivery.order import judge as judge_all
from penstock.delivery.reading.frames import FrameCache, RoutedEvent, RoutedFrame, milliseconds, name_in, user_id_of
from penstock.infra.log import Message
from penstock.spec import routed
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.outcome import DestinationReason
from penstock.spec.snapshot import (
    DestinationFilterSnapshot,
    DestinationSnapshot,
    FilterActionSnapshot,
    TransformationSnapshot,
)
from penstock.testing.outside import destination


def frame_of(*bodies: bytes, metadata: bytes = b"", event_type: str = "track", sequence: int = 1) -> RoutedFrame:
    rows, offset = [], 0
    for number, body in enumerate(bodies):
        kind = EVENT_TYPES.index(EventType(event_type))
        rows.append(routed.RoutedRow(offset, len(body), 0, kind, f"m{number}", metadata=metadata))
        offset += len(body)
    head = routed.RoutedHead("t", 1, 1, 1, 1, [routed.SourceRef("w", "web")], rows, [], [])
    return RoutedFrame(Message("routed.0", sequence, 5, routed.encode_routed(head, list(bodies))))


def read(event: dict, **options) -> RoutedEvent:
    return frame_of(json.dumps(event).encode(), **options).event(0)


def judge(event: RoutedEvent, to: DestinationSnapshot) -> DestinationReason | None:
    """Why the event ends; None where it goes on."""
    judged = judge_all(event, to, Editing(to))
    return judged if isinstance(judged, DestinationReason) else None


AMPLITUDE = destination("a", integration_names=["Amplitude (Actions)", "Amplitude"])


class TestIntegrations:
    @pytest.mark.parametrize(
        ("integrations", "is_delivered"),
        [
            ({}, True),
            (None, True),
            ({"All": True}, True),
            ({"All": False}, False),
            ({"All": False, "Amplitude": True}, True),
            ({"All": False, "Amplitude": {"session_id": 9}}, True),
            ({"All": False, "amplitude": True}, False),
            ({"Amplitude": False}, False),
            ({"amplitude": False}, True),
            ({"Amplitude": None, "All": False}, False),
            ({"Amplitude (Actions)": True, "Amplitude": False}, True),
            ({"Amplitude (Actions)": False, "Amplitude": True}, False),
            ({"Slack": False}, True),
            ({"All": False, "Slack": True}, False),
            ([], True),
            ("nonsense", True),
        ],
    )
    def test_the_object_decides_as_documented(self, integrations, is_delivered: bool):
        reason = judge(read({"event": "e", "integrations": integrations}), AMPLITUDE)
        assert reason == (None if is_delivered else "FILTERED_BY_INTEGRATIONS_OBJECT")


class TestConsent:
    """privacy.md §9, tracking-api.md §11."""

    MAPPED = destination("a", integration_names=["Amplitude"], consent_categories=["Advertising", "Analytics"])

    @pytest.mark.parametrize(
        ("consent", "is_delivered"),
        [
            (None, True),
            ({}, True),
            ("nonsense", True),
            ({"version": 2}, True),
            ({"categoryPreferences": {"Advertising": True, "Analytics": True, "Other": False}}, True),
            ({"categoryPreferences": {"Advertising": True, "Analytics": False}}, False),
            ({"categoryPreferences": {"Advertising": True}}, False),
            ({"categoryPreferences": {"advertising": True, "analytics": True}}, False),
            ({"categoryPreferences": {"Advertising": True, "Analytics": "true"}}, False),
            ({"categoryPreferences": {"Advertising": 1, "Analytics": 1}}, False),
            ({"categoryPreferences": {}}, False),
            ({"categoryPreferences": None}, False),
            ({"categoryPreferences": [True]}, False),
        ],
    )
    def test_all_categories_of_a_destination_must_be_consented_to(self, consent, is_delivered: bool):
        event = read({"event": "e", "context": {"consent": consent}})
        assert judge(event, self.MAPPED) == (None if is_delivered else "FILTERED_BY_END_USER_CONSENT")
        assert judge(event, AMPLITUDE) is None, "one without categories takes no part in it"

    @pytest.mark.parametrize("context", [None, [], "x", 7, {}, {"consent": []}])
    def test_whatever_a_context_is_without_consent_nothing_is_judged(self, context):
        assert judge(read({"event": "e", "context": context}), self.MAPPED) is None

    def test_it_comes_before_the_integrations_object_and_both_must_allow(self):
        refused = {"context": {"consent": {"categoryPreferences": {}}}}
        assert judge(read({"integrations": {"Amplitude": True}, **refused}), self.MAPPED) == (
            "FILTERED_BY_END_USER_CONSENT"
        )
        assert judge(read({"integrations": {"All": False}, **refused}), self.MAPPED) == "FILTERED_BY_END_USER_CONSENT"
        given = {"context": {"consent": {"categoryPreferences": {"Advertising": True, "Analytics": True}}}}
        assert judge(read({"integrations": {"Amplitude": False}, **given}), self.MAPPED) == (
            "FILTERED_BY_INTEGRATIONS_OBJECT"
        )
        assert judge(read({"integrations": {"Slack": True}, **given}), self.MAPPED) is None


class TestSwitches:
    """pipeline-order.md §1, D4."""

    SWITCHED = destination("a", integration_names=["Amplitude"], blocked_events=[("track", "Off"), ("identify", "")])

    @pytest.mark.parametrize(
        ("event_type", "event", "is_delivered"),
        [
            ("track", {"event": "Off"}, False),
            ("track", {"event": "off"}, True),
            ("track", {"event": "On"}, True),
            ("track", {"event": ["Off"]}, True),
            ("identify", {}, False),
            ("group", {}, True),
            ("page", {"name": "Off"}, True),
            ("track", {"event": "Off", "integrations": {"Amplitude": True}}, True),
            ("track", {"event": "Off", "integrations": {"Amplitude": {"a": 1}}}, True),
            ("track", {"event": "Off", "integrations": {"All": True}}, False),
            ("track", {"event": "Off", "integrations": {"Slack": False}}, False),
        ],
    )
    def test_an_event_that_is_switched_off_ends_unless_it_names_the_destination(self, event_type, event, is_delivered):
        reason = judge(read(event, event_type=event_type), self.SWITCHED)
        assert reason == (None if is_delivered else "FILTERED_BY_INTEGRATIONS_OBJECT")


class TestDevice:
    def test_what_the_browser_delivered_itself_is_not_delivered_again(self):
        event = read({"event": "e"}, metadata=b'{"bundled":["Segment.io","Amplitude"],"unbundled":[]}')
        assert judge(event, AMPLITUDE) == "MESSAGE_SENT_CLIENT_SIDE"

    @pytest.mark.parametrize(
        "metadata", [b'{"bundled":["Segment.io"]}', b'{"bundled":"x"}', b"{", b'{"bundled":[1,null]}']
    )
    def test_other_metadata_changes_nothing(self, metadata: bytes):
        assert judge(read({"event": "e"}, metadata=metadata), AMPLITUDE) is None

    def test_the_device_comes_before_the_integrations_object(self):
        event = read({"integrations": {"All": False}}, metadata=b'{"bundled":["Amplitude"]}')
        assert judge(event, AMPLITUDE) == "MESSAGE_SENT_CLIENT_SIDE"


class TestTypes:
    def test_a_type_that_the_destination_does_not_take_is_named(self):
        only_tracks = destination("a", supported_types=["track"])
        assert judge(read({}, event_type="page"), only_tracks) == "UNSUPPORTED_EVENT_TYPE"
        assert judge(read({}, event_type="track"), only_tracks) is None


def filtered(condition: str, action: str, fields: dict | None = None, **changes) -> DestinationSnapshot:
    actions = [FilterActionSnapshot(action, fields or {})]
    return destination("a", filters=[DestinationFilterSnapshot("f", condition, actions)], **changes)


class TestFilters:
    EVENT = {"type": "track", "event": "e", "messageId": "m0", "properties": {"email": "x", "n": 2**70, "f": 1.10}}

    def test_what_a_filter_drops_is_named(self):
        event = read(self.EVENT)
        assert judge(event, filtered("event = 'e'", "DROP")) == "FILTERED_BY_RULES"
        assert judge(event, filtered("event = 'other'", "DROP")) is None

    def test_an_event_that_loses_nothing_goes_on_byte_by_byte(self):
        event = read(self.EVENT)
        to = filtered("all", "DROP_PROPERTIES", {"properties": ["none"]})
        assert judge_all(event, to, Editing(to)) is event

    def test_what_one_destination_must_not_see_others_still_get(self):
        event = read(self.EVENT)
        to = filtered("all", "DROP_PROPERTIES", {"properties": ["email"], "": ["event"]})
        judged = judge_all(event, to, Editing(to))
        kept = {"type": "track", "messageId": "m0", "properties": {"n": 2**70, "f": 1.10}}
        assert (json.loads(judged.body), judged.document) == (kept, kept)
        assert judged.full_name is None
        assert judged.name == "e"
        assert json.loads(event.body) == event.document == self.EVENT

    def test_an_unsupported_type_comes_before_the_filters(self):
        to = filtered("all", "DROP", supported_types=["page"])
        assert judge(read(self.EVENT), to) == "UNSUPPORTED_EVENT_TYPE"

    @pytest.mark.parametrize("condition", ["event =", "event and true"])
    def test_a_filter_without_an_answer_drops(self, condition: str):
        assert judge(read(self.EVENT), filtered(condition, "DROP")) == "FILTERED_BY_RULES"

    def test_an_event_that_cannot_be_read_is_dropped_where_there_is_a_filter(self):
        event = frame_of(b'{"event": ').event(0)
        assert judge(event, filtered("event = 'x'", "DROP")) == "FILTERED_BY_RULES"
        assert judge(event, AMPLITUDE) is None


class TestTransformations:
    EVENT = TestFilters.EVENT
    REVENUE = TransformationSnapshot("t1", "all", values=[("properties.currency", "EUR")])

    def test_the_event_goes_on_as_they_leave_it_for_this_destination_alone(self):
        event, to = read(self.EVENT), destination("a", transformations=[self.REVENUE])
        judged = judge_all(event, to, Editing(to))
        assert judged.document["properties"]["currency"] == "EUR"
        assert b'"n":1180591620717411303424,"f":1.1' in judged.body
        assert event.document == self.EVENT

    def test_filters_come_first(self):
        filters = filtered("properties.currency = 'EUR'", "DROP").filters
        to = destination("a", filters=filters, transformations=[self.REVENUE])
        assert judge(read(self.EVENT), to) is None

    def test_one_that_drops_ends_the_event_for_this_destination(self):
        to = destination("a", transformations=[TransformationSnapshot("t1", "event = 'e'", drop=True)])
        assert judge(read(self.EVENT), to) == "FILTERED_BY_RULES"

    def test_one_that_cannot_be_compiled_changes_nothing(self):
        event, to = (
            read(self.EVENT),
            destination("a", transformations=[TransformationSnapshot("t1", "event =", drop=True)]),
        )
        assert judge_all(event, to, Editing(to)) is event


class TestEvents:
    def test_the_name_is_that_of_a_tracked_event_cut_at_a_hundred(self):
        assert read({"event": "x" * 300}).name == "x" * 100
        assert read({"event": "x"}, event_type="page").name == ""
        assert read({"event": 5}).name == ""

    def test_broken_json_is_tolerated(self):
        event = frame_of(b'{"event": ').event(0)
        assert (event.name, event.integrations, event.user_id) == ("", None, "")

    def test_an_event_is_read_once_for_all_destinations(self):
        frame = frame_of(b'{"event":"e"}', b'{"event":"f"}')
        assert frame.event(1) is frame.event(1)
        assert frame.event(1).body == b'{"event":"f"}'

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("1970-01-01T00:00:01.500Z", 1500),
            ("1970-01-01T00:00:01.500+00:00", 1500),
            ("1970-01-01T01:00:01.500+01:00", 1500),
            ("nonsense", 0),
            (5, 0),
            (None, 0),
        ],
    )
    def test_times_are_milliseconds(self, text, wanted: int):
        assert milliseconds(text) == wanted

    def test_user_and_name_are_found_in_a_body(self):
        assert user_id_of(b'{"userId":"u"}') == "u"
        assert user_id_of(b'{"userId":5}') == ""
        assert name_in(EVENT_TYPES.index(EventType.TRACK), b'{"event":"e"}') == "e"

    @given(st.binary(max_size=60))
    def test_no_bytes_break_the_reading(self, body: bytes):
        assert frame_of(body).event(0).body == body


class TestCache:
    def test_a_frame_is_decoded_once_and_old_ones_are_dropped(self):
        cache = FrameCache()
        head = routed.RoutedHead("t", 1, 1, 1, 1, [], [], [], [])
        message = Message("routed.0", 1, 0, routed.encode_routed(head, []))
        assert cache.decode(message) is cache.decode(message) is cache.get(1)
        big = b"x" * (3 << 20)
        for sequence in (2, 3):
            row = routed.RoutedRow(0, len(big), 0, 0, "m")
            payload = routed.encode_routed(
                routed.RoutedHead("t", 1, 1, 1, 1, [routed.SourceRef("w", "s")], [row], [], []), [big]
            )
            cache.decode(Message("routed.0", sequence, 0, payload))
        assert cache.get(1) is None
        assert cache.get(2) is None
        assert cache.get(3) is not None
