from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline.judging.watched import WatchedJudge
from penstock.spec import accepted
from penstock.spec.laps import LAP
from penstock.spec.outcome import Outcome
from penstock.spec.routed import FOR_FUNCTION
from penstock.spec.snapshot import DeletionSnapshot, SnapshotEnvelope, SnapshotKind, SuppressionSnapshot
from penstock.spec.suppressed import Scope
from penstock.spec.suppression import SubjectHasher, SubjectType, packed

KEY = b"k" * 32
HASHER = SubjectHasher(KEY, SubjectType.USER_ID)


def segment(number=1, suppressed=(), ended=(), source_id="", **more):
    values = {
        "id": f"s{number}{source_id}",
        "workspace_id": "ws1",
        "version": 1,
        "source_id": source_id,
        "sealed_key": KEY,
        "number": number,
        "suppressed": packed(map(HASHER.digest, suppressed)),
        "ended": packed(map(HASHER.digest, ended)),
    }
    return SuppressionSnapshot(**(values | more))


@pytest.fixture
def judge(pipeline):
    """The pipeline with these segments told; the bytes of a key are its seal."""
    pipeline.rulebook._suppressions._open_key = bytes

    def judge_with(*segments):
        for each in segments:
            envelope = SnapshotEnvelope(SnapshotKind.SUPPRESSION, each.id, each.workspace_id, each.version, False)
            pipeline.snapshots = pipeline.snapshots.copy()
            pipeline.snapshots.apply(envelope, each)
        return pipeline

    return judge_with


def track(user_id, **more):
    return {"type": "track", "event": "Order Completed", "userId": user_id} | more


class TestOutcome:
    def test_events_of_a_suppressed_user_end_by_name_and_nothing_of_them_goes_on(self, judge, build):
        pipeline = judge(segment(suppressed=["u-9"]))
        judged = pipeline.judge(build.request([track("u-9", messageId="m1"), track("u-1"), track("u-9")]))
        assert [event["userId"] for event in judged.events] == ["u-1"]
        assert judged.reasons == {"": 3, "suppressed": 2}
        assert {one.outcome for one in judged.head.outcomes} == {Outcome.RECEIVED, Outcome.FILTERED_AT_SOURCE}
        assert b"u-9" not in judged.answer.parts[0].payload

    def test_its_message_id_is_taken(self, judge, build):
        pipeline = judge(segment(suppressed=["u-9"]))
        pipeline.judge(build.request([track("u-9", messageId="m1")]))
        judged = judge(segment(2, ended=["u-9"])).judge(build.request([track("u-9", messageId="m1")]))
        assert judged.reasons == {"duplicate": 1}

    @pytest.mark.parametrize(
        "event", [{"type": "identify"}, {"type": "page"}, {"type": "group", "groupId": "g"}, {"type": "screen"}]
    )
    def test_every_type_of_event_is_meant(self, judge, event):
        pipeline = judge(segment(suppressed=["u-9"]))
        assert pipeline.judge((_record(), [{"userId": "u-9"} | event])).reasons == {"": 1, "suppressed": 1}

    def test_without_a_user_id_nobody_is_suppressed(self, judge):
        pipeline = judge(segment(suppressed=["u-9"]))
        assert pipeline.one({"type": "track", "event": "x", "anonymousId": "u-9"})["anonymousId"] == "u-9"

    def test_another_workspace_is_not_concerned(self, judge):
        assert judge(segment(suppressed=["u-9"], workspace_id="ws2")).one(track("u-9"))["userId"] == "u-9"

    def test_a_tail_does_not_tell_of_them(self, judge, build):
        pipeline = judge(segment(suppressed=["u-9"]))
        head, body = accepted.decoder.frame(build.frame(build.request([track("u-9"), track("u-1")])))
        watched = WatchedJudge(
            head, body, pipeline.snapshots, pipeline.index, pipeline.claims, pipeline.rulebook, build.received_at
        )
        for _ in watched.slices():
            pass
        assert {line.user_id for line in watched.answer("engine1", 1).lines} == {"u-1"}

    def test_a_key_that_cannot_be_opened_is_an_error_and_holds_nobody_up(self, pipeline, build):
        pipeline.snapshots.apply(
            SnapshotEnvelope(SnapshotKind.SUPPRESSION, "s1", "ws1", 1, is_deleted=False), segment(suppressed=["u-9"])
        )
        assert pipeline.one(track("u-9"))["userId"] == "u-9"


class TestScopes:
    def test_a_suppression_of_one_source_is_for_it_alone(self, judge):
        assert judge(segment(suppressed=["u-9"], source_id="src_B2")).one(track("u-9"))["userId"] == "u-9"
        pipeline = judge(segment(suppressed=["u-9"], source_id="src_A1"))
        assert pipeline.judge((_record(), [track("u-9")])).count("suppressed") == 1

    def test_that_of_the_workspace_wins_over_what_was_ended_for_the_source(self, judge):
        pipeline = judge(segment(suppressed=["u-9"]), segment(2, ended=["u-9"], source_id="src_A1"))
        assert pipeline.judge((_record(), [track("u-9")])).count("suppressed") == 1


class TestOrder:
    def test_what_came_later_is_laid_over_what_was_before(self, judge):
        pipeline = judge(segment(2, ended=["u-9"]), segment(1, suppressed=["u-9"]))
        assert pipeline.one(track("u-9"))["userId"] == "u-9"
        pipeline = judge(segment(3, suppressed=["u-9"]))
        assert pipeline.judge((_record(), [track("u-9")])).count("suppressed") == 1

    def test_a_segment_that_is_gone_suppresses_nobody(self, judge):
        pipeline = judge(segment(suppressed=["u-9"]))
        pipeline.judge((_record(), [track("u-9")]))
        pipeline.snapshots = pipeline.snapshots.copy()
        pipeline.snapshots.apply(SnapshotEnvelope(SnapshotKind.SUPPRESSION, "s1", "ws1", 2, is_deleted=True), None)
        assert pipeline.one(track("u-9"))["userId"] == "u-9"


def _record():
    return accepted.RequestRecord(received_at=1_893_578_401_250, write_key="wk", call="batch")


def bases(digests, bits):
    found = {}
    for digest in digests:
        found.setdefault(digest >> (64 - bits), []).append(digest)
    return [
        msgspec.structs.replace(segment(0), id=f"b{bits}-{prefix}", bits=bits, prefix=prefix, suppressed=packed(held))
        for prefix, held in found.items()
    ]


@given(
    st.sets(st.integers(0, 2**64 - 1), max_size=40),
    st.integers(0, 6),
    st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 2**64 - 1), max_size=5)), max_size=5),
    st.randoms(use_true_random=False),
)
def test_a_scope_holds_what_a_set_would(based, bits, changes, random):
    expected, segments = set(based), bases(based, bits)
    for number, (is_ended, digests) in enumerate(changes, 1):
        chosen = set(digests) | set(random.sample(sorted(expected), min(2, len(expected))))
        expected = expected - chosen if is_ended else expected | chosen
        field = "ended" if is_ended else "suppressed"
        segments.append(msgspec.structs.replace(segment(number), **{field: packed(chosen)}))
    random.shuffle(segments)
    scope = Scope(segments)
    asked = based | {digest for _, digests in changes for digest in digests} | {0, 2**64 - 1}
    assert {digest for digest in asked if scope.holds(digest)} == expected & asked


def test_both_sizes_of_prefixes_are_looked_into_while_one_takes_the_place_of_the_other():
    random = Random(7)
    held = [random.getrandbits(64) for _ in range(1_000)]
    scope = Scope([*bases(held[:500], 2), *bases(held[500:], 4)])
    assert all(map(scope.holds, held))


class TestEnded:
    """Events that came while their person was suppressed, or before, and are judged when that has ended."""

    @pytest.fixture
    def judge_after(self, pipeline, build):
        pipeline.rulebook._ended._open_key = bytes

        def judge_after(event, *, before):
            digests = packed([HASHER.digest("u-9")])
            end = DeletionSnapshot("p1", "ws1", 1, "", KEY, SubjectType.USER_ID, before, digests, ends_suppression=True)
            envelope = SnapshotEnvelope(SnapshotKind.DELETION, "p1", "ws1", 1, is_deleted=False)
            pipeline.snapshots = pipeline.snapshots.copy()
            pipeline.snapshots.apply(envelope, end)
            return pipeline.judge(build.request([event])).reasons

        return judge_after

    def test_they_end_as_they_would_have(self, judge_after, build):
        assert judge_after(track("u-9"), before=build.received_at) == {"": 1, "suppressed": 1}

    def test_what_came_later_and_what_is_of_others_goes_on(self, judge_after, build):
        assert judge_after(track("u-9"), before=build.received_at - 1) == {"": 1}
        assert judge_after(track("u-1"), before=build.received_at) == {"": 1}


class TestDeleted:
    """Events that came before their person was deleted, and are judged after that."""

    @pytest.fixture
    def judge_after(self, pipeline, build):
        pipeline.rulebook._deletions._open_key = bytes

        def judge_after(event, *, before, source_id=""):
            digests = packed([HASHER.digest("u-9")])
            deletion = DeletionSnapshot("d1", "ws1", 1, source_id, KEY, SubjectType.USER_ID, before, digests)
            envelope = SnapshotEnvelope(SnapshotKind.DELETION, "d1", "ws1", 1, is_deleted=False)
            pipeline.snapshots = pipeline.snapshots.copy()
            pipeline.snapshots.apply(envelope, deletion)
            return pipeline.judge(build.request([event])).reasons

        return judge_after

    def test_they_end_by_name(self, judge_after, build):
        assert judge_after(track("u-9"), before=build.received_at) == {"": 1, "deleted": 1}

    def test_they_end_by_name_when_they_come_back_from_a_function_too(self, judge_after, pipeline, build):
        """Stage 6 was before the deletion: what the insert function gives back is judged again, with its own time."""
        build.with_function(pipeline, "INSERT_SOURCE")
        first = pipeline.judge(build.request([track("u-9"), track("u-1", messageId="m-other")]))
        assert [row.fate for row in first.rows] == [FOR_FUNCTION] * 2
        judge_after(track("u-2"), before=build.received_at)
        back = pipeline.judge(build.request(first.events), lap=LAP)
        assert [event["userId"] for event in back.events] == ["u-1"]
        assert back.reasons == {"deleted": 1}

    @pytest.mark.parametrize(("body", "is_taken"), [('{"id":"u-9"}', False), ('{"id":"u-8"}', True)])
    def test_a_request_to_a_source_function_that_names_them_ends_too(
        self, judge_after, pipeline, build, body, is_taken
    ):
        build.with_function(pipeline, "SOURCE")
        judge_after(track("u-2"), before=build.received_at)
        asked = {"messageId": "r1", "receivedAt": "", "url": "http://x/", "headers": [], "body": body, "isForm": False}
        judged = pipeline.judge(build.request([asked], call="function"))
        assert bool(judged.rows) is is_taken
        assert judged.reasons == ({} if is_taken else {"deleted": 1})

    def test_what_came_later_and_what_is_of_others_goes_on(self, judge_after, build):
        assert judge_after(track("u-9"), before=build.received_at - 1) == {"": 1}
        assert judge_after(track("u-1"), before=build.received_at) == {"": 1}
        assert judge_after(track("u-9"), before=build.received_at, source_id="src_B2") == {"": 1}
