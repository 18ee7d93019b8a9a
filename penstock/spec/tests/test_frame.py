import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec import accepted, routed
from penstock.spec.frame import PREFIX_LENGTH, Decoder, FrameDamaged, FrameError, FrameUnknown, Kind, count_of, encode

GOLDEN_ACCEPTED = (
    "5053544b01010000010000002d00000013000000f341172095a16101919bcf0000018000000000a26b31a56261746368a0a0c400c400c400"
    "8080c29195001300a26d31c2a07b226576656e74223a2253656e742031227d0a"
)
"""An ACCEPTED frame as version 1 writes it. A change here, but at the end of a head or of what stands in it, is a new
version, and this one must go on being read.
"""

GOLDEN_BEFORE = (
    "5053544b01010000010000002c00000013000000dc148dfd95a16101919acf0000018000000000a26b31a56261746368a0a0c400c400c400"
    "80809195001300a26d31c2a07b226576656e74223a2253656e742031227d0a"
)
"""The same before requests told of clients."""

EVENT = b'{"event":"Sent 1"}\n'


def sample():
    request = accepted.RequestRecord(1_649_267_441_664, "k1", "batch")
    return accepted.AcceptedHead("a", 1, [request], [accepted.AcceptedRow(0, 19, 0, "m1")])


class TestGoldenBytes:
    def test_version_1_is_written_as_ever(self):
        assert accepted.encode_accepted(sample(), [EVENT]).hex() == GOLDEN_ACCEPTED

    @pytest.mark.parametrize("golden", [GOLDEN_ACCEPTED, GOLDEN_BEFORE])
    def test_version_1_is_read_as_ever(self, golden):
        head, body = accepted.decoder.frame(bytes.fromhex(golden))
        assert head == sample()
        assert bytes(body) == EVENT


class TestReading:
    @given(st.lists(st.binary(max_size=50), max_size=20))
    def test_what_was_written_is_read(self, events):
        frame = accepted.encode_accepted(sample(), events)
        head, body = accepted.decoder.frame(frame)
        assert (head, bytes(body), count_of(frame)) == (sample(), b"".join(events), len(events))

    @given(st.data())
    def test_any_changed_byte_is_noticed(self, data):
        frame = bytearray(accepted.encode_accepted(sample(), [b'{"a":1}']))
        place = data.draw(st.integers(0, len(frame) - 1))
        frame[place] ^= data.draw(st.integers(1, 255))
        with pytest.raises(FrameError):
            accepted.decoder.frame(bytes(frame))

    @given(st.integers(0, 200))
    def test_a_cut_frame_is_noticed(self, length):
        frame = accepted.encode_accepted(sample(), [b'{"a":1}'])
        with pytest.raises(FrameDamaged):
            accepted.decoder.frame(frame[: min(length, len(frame) - 1)])

    def test_another_kind_and_a_newer_version_are_refused_by_name(self):
        frame = accepted.encode_accepted(sample(), [])
        with pytest.raises(FrameUnknown, match="ACCEPTED"):
            routed.decoder.frame(frame)
        with pytest.raises(FrameUnknown, match="version 2"):
            accepted.decoder.frame(frame[:4] + b"\x02" + frame[5:])

    def test_the_head_alone_is_read_from_a_frame_whose_body_was_not_fetched(self):
        frame = accepted.encode_accepted(sample(), [b"x" * 100])
        assert accepted.decoder.head(frame[:-100]) == sample()
        assert PREFIX_LENGTH == 24

    def test_a_head_that_grew_at_its_end_is_read_by_the_release_before(self):
        class Newer(msgspec.Struct, array_like=True):
            role: str
            added: int = 0

        class Older(msgspec.Struct, array_like=True):
            role: str

        frame = encode(Kind.FACT, Newer("pipeline", 5))
        assert Decoder(Kind.FACT, Older).frame(frame)[0].role == "pipeline"
        assert Decoder(Kind.FACT, Newer).frame(encode(Kind.FACT, Older("x")))[0].added == 0
