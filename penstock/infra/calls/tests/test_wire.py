"""Replies in parts."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.calls import wire


@given(st.sampled_from([0, 1, wire.CHUNK - 1, wire.CHUNK, wire.CHUNK + 1, 3 * wire.CHUNK, 3 * wire.CHUNK + 5]))
def test_parts_join_to_the_reply_and_the_last_one_counts_them(size):
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    parts = list(wire.parts(body, {"Penstock-Error": "x"}))
    assert b"".join(part for part, _ in parts) == body
    assert all(len(part) <= wire.CHUNK for part, _ in parts)
    assert [headers for _, headers in parts[:-1]] == [{}] * (len(parts) - 1)
    assert parts[-1][1] == {"Penstock-Error": "x", wire.LAST: str(len(parts))}
