import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.order import judge
from penstock.delivery.reading.frames import FrameCache, RoutedEvent, RoutedFrame, milliseconds, name_in, user_id_of
from penstock.infra.log import Message
from penstock.spec import routed
from penstock.spec.event import EVENT_TYPES, EventType
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
