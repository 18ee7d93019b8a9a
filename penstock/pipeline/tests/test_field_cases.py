"""What really goes wrong for people who do this job, from `data/`; a case is named by its number in the test's name."""

import json
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


def batch(case, step):
    return case["steps"][step]["request"]["body"]["batch"]


def track(**fields):
    return {"type": "track", "event": "X", "userId": "u1"} | fields


def test_fc03_a_zero_that_is_a_number_is_no_id_and_one_that_is_text_is(pipeline):
    assert pipeline.one(track(userId=0)) == "id_not_string"
    assert pipeline.one(track(userId="0"))["userId"] == "0"


def test_fc05_every_element_of_a_partly_bad_batch_is_traceable(pipeline, build, field_case):
    case = field_case("01-partial-batch.json")
    events = batch(case, 0)
    expected = case["expect"]["perMessageId"]
    for event in events:
        one = pipeline.one(event)
        assert (one if isinstance(one, str) else "accepted") == expected[event["messageId"]]
    pipeline.index.reset()
    judged = pipeline.judge(build.request(events))
    counts = case["expect"]["counts"]
    assert (judged.total, len(judged.rows)) == (counts["received"], counts["accepted"])
    assert sum(judged.reasons.values()) - judged.count("") == counts["failedOnIngest"]


@pytest.mark.parametrize("call", ["batch", "track"])
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"name": "X"}, "event_not_string"),
        ("", "event_not_defined"),
        (7, "event_not_string"),
        (None, "event_not_defined"),
    ],
)
def test_fc06_nothing_past_validation_sees_an_event_name_that_is_no_text(pipeline, call, event, reason):
    assert pipeline.one(track(event=event), call=call) == reason
    if event is None:
        nameless = track()
        del nameless["event"]
        assert pipeline.one(nameless, call=call) == reason


def test_fc12_a_batch_sent_again_after_a_lost_answer_passes_once(pipeline, build, field_case):
    case = field_case("02-lost-answer-and-duplicates.json")
    first = pipeline.judge(build.request(batch(case, 0)))
    again = pipeline.judge(build.request(batch(case, 1)))
    assert first.ids == ["fc02-a", "fc02-b"]
    assert (again.ids, again.reasons) == ([], {"duplicate": 2})


def test_fc14_the_first_of_two_equal_ids_is_kept(pipeline, build, field_case):
    case = field_case("02-lost-answer-and-duplicates.json")
    pipeline.judge(build.request(batch(case, 0)))
    third = pipeline.judge(build.request(batch(case, 2)))
    assert [(event["messageId"], event["properties"]["n"]) for event in third.events] == [("fc02-c", 3), ("fc02-d", 4)]
    assert third.reasons == {"": 2, "duplicate": 3}
    assert pipeline.judge(build.request(batch(case, 2))).reasons == {"duplicate": 5}


def test_fc17_ids_of_the_sender_are_kept_verbatim_up_to_a_hundred_characters(pipeline):
    assert pipeline.one(track(messageId="order-77-paid"))["messageId"] == "order-77-paid"
    assert pipeline.one(track(messageId="é" * 100))["messageId"] == "é" * 100
    assert pipeline.one(track(messageId="x" * 101)) == "message_id_too_long"
    for absent in ("", 5, None):
        assert pipeline.one(track(messageId=absent))["messageId"].startswith("made-")


def test_fc20_events_without_times_and_ids_are_never_duplicates_and_keep_their_order(pipeline, build):
    events = [track(properties={"n": number}) for number in range(12)]
    judged = pipeline.judge(build.request(events))
    assert [event["properties"]["n"] for event in judged.events] == list(range(12))
    assert {event["timestamp"] for event in judged.events} == {"2030-01-02T10:00:01.250Z"}
    assert {event["receivedAt"] for event in judged.events} == {"2030-01-02T10:00:01.250Z"}
    assert len({event["messageId"] for event in judged.events}) == 12


def test_fc21_numbers_that_do_not_survive_a_double_are_exact(pipeline, build):
    case = json.loads((DATA / "05-big-numbers.json").read_text())
    first, second = pipeline.judge(build.request(batch(case, 0))).events
    assert first["properties"]["odd"] == 9007199254740993
    assert first["properties"]["snowflake"] == 7615917337495251231
    assert (first["properties"]["max"], first["properties"]["min"]) == (2**63 - 1, -(2**63))
    assert second["properties"]["odd"] == 2**63
    assert second["properties"]["max"] == 123456789012345678901234567890


def test_fc21_a_number_beyond_a_float_becomes_null_and_the_event_stays(pipeline, build):
    huge = b'{"type":"track","userId":"u-501","event":"Ledger Huge","messageId":"fc05-3","properties":{"huge":1e400}}'
    judged = pipeline.judge(build.request([huge], call="track"))
    assert (judged.events[0]["event"], judged.events[0]["properties"]) == ("Ledger Huge", {"huge": None})
    assert judged.answer.notes == {"number_out_of_range": 1}
