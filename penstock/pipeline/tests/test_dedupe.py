import pytest

from penstock.pipeline.dedupe import Claims, DedupeIndex, key_of, keys_of
from penstock.spec.laps import LAP
from penstock.spec.routed import RoutedHead, RoutedRow, SourceRef

TRACK = {"type": "track", "event": "E", "userId": "u1", "messageId": "m1"}


def open_index(tmp_path):
    return DedupeIndex(tmp_path / "index", 24)


def test_the_first_event_of_an_id_wins_over_any_source_and_user(pipeline, build):
    pipeline.snapshots = build.snapshots(build.source(), build.source("src_B", key="wkB"))
    judged = pipeline.judge(build.request([TRACK | {"userId": "first"}]), build.request([TRACK], write_key="wkB"))
    assert [event["userId"] for event in judged.events] == ["first"]
    assert judged.reasons == {"": 1, "duplicate": 1}
    later = pipeline.judge(build.request([TRACK | {"userId": "third"}], write_key="wkB"))
    assert later.reasons == {"duplicate": 1}


def test_one_workspace_cannot_claim_an_id_of_another(pipeline, build):
    pipeline.snapshots = build.snapshots(build.source(), build.source("src_B", key="wkB", workspace_id="ws2"))
    judged = pipeline.judge(build.request([TRACK]), build.request([TRACK], write_key="wkB"))
    assert judged.ids == ["m1", "m1"]


def test_an_invalid_event_claims_nothing(pipeline, build):
    judged = pipeline.judge(build.request([TRACK | {"userId": 5}, TRACK]))
    assert (judged.ids, judged.reasons) == (["m1"], {"id_not_string": 1, "": 1})


def test_a_lap_has_keys_of_its_own_and_passes_once(pipeline, build):
    pipeline.judge(build.request([TRACK]))
    assert pipeline.judge(build.request([TRACK]), lap="replay-1").ids == ["m1"]
    assert pipeline.judge(build.request([TRACK]), lap="replay-1").ids == []
    assert pipeline.judge(build.request([TRACK]), lap="replay-2").ids == ["m1"]


def test_what_a_source_insert_function_gives_back_again_is_counted_nowhere(pipeline, build):
    """Its run is repeated where a kill came before its end was written; the event was counted when it was sent."""
    pipeline.judge(build.request([TRACK]))
    given, again = (pipeline.judge(build.request([TRACK]), lap=LAP) for _ in range(2))
    assert (given.ids, given.total) == (["m1"], 0)
    assert (again.ids, again.total) == ([], 0)


def test_a_claim_of_a_frame_in_flight_counts(pipeline, build):
    pipeline.claims.add({key_of("", "ws1", "m1")})
    assert pipeline.judge(build.request([TRACK])).reasons == {"duplicate": 1}
    pipeline.claims.drop_oldest()
    assert pipeline.judge(build.request([TRACK])).ids == ["m1"]


def test_an_id_may_hold_anything(pipeline, build):
    for message_id in ("a\0b", "\0", "applied", "é" * 50):
        assert pipeline.judge(build.request([TRACK | {"messageId": message_id}])).ids == [message_id]
        assert pipeline.judge(build.request([TRACK | {"messageId": message_id}])).ids == []


def test_a_head_tells_the_claims_of_its_rows_and_of_events_without_one():
    rows = [RoutedRow(0, 1, 1, 0, "row")]
    sources = [SourceRef("wsA", "a"), SourceRef("wsB", "b")]
    head = RoutedHead("w", 1, 0, 1, 1, sources, rows, [(0, "claim")], [], lap="lap")
    assert keys_of(head) == [key_of("lap", "wsB", "row"), key_of("lap", "wsA", "claim")]


def test_the_index_keeps_claims_and_position_over_a_restart(tmp_path):
    index = open_index(tmp_path)
    assert (index.applied().sequence, index.applied().created) == (0, "")
    index.apply([b"a", b"b"], 7, "life")
    index.close()
    index = open_index(tmp_path)
    assert (index.applied().sequence, index.applied().created) == (7, "life")
    assert index.known([b"a", b"c", b"b"]) == {b"a", b"b"}
    assert index.known([]) == set()
    index.reset()
    assert index.known([b"a"]) == set()
    assert index.applied().sequence == 0
    index.close()


def test_a_damaged_index_is_made_anew(tmp_path):
    index = open_index(tmp_path)
    index.apply([b"a"], 7, "life")
    index.close()
    (tmp_path / "index" / "CURRENT").write_bytes(b"rubbish")
    index = open_index(tmp_path)
    assert index.applied().sequence == 0
    index.close()


def test_an_index_that_another_engine_holds_is_left_alone(tmp_path):
    index = open_index(tmp_path)
    with pytest.raises(Exception, match=r"(?i)lock"):
        open_index(tmp_path)
    index.apply([b"a"], 1, "life")
    assert index.known([b"a"]) == {b"a"}
    index.close()


def test_claims_are_dropped_frame_by_frame():
    claims = Claims()
    claims.add({b"a"})
    claims.add({b"b"})
    assert claims.among([b"c", b"b", b"a"]) == {b"a", b"b"}
    claims.drop_oldest()
    assert claims.among([b"a", b"b"]) == {b"b"}
    assert b"a" not in claims
    assert b"b" in claims
    claims.forget()
    assert b"b" not in claims
