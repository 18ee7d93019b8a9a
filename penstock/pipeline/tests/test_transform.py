"""Stage 9 on frames: the transformations of a source. What each operation does is shown in spec/edits."""

from penstock.spec.routed import ROUTED_TO_ALL
from penstock.spec.snapshot import TransformationSnapshot

ORDER = {"type": "track", "event": "order_done", "userId": "u1", "messageId": "m1", "properties": {"rev": 12.50}}


def judged_by(pipeline, build, event, *transformations):
    pipeline.snapshots = build.snapshots(build.source(transformations=list(transformations)))
    return pipeline.judge(build.request([event]))


def test_an_event_is_delivered_as_the_transformation_leaves_it(pipeline, build):
    change = TransformationSnapshot(
        "t1", "event = 'order_done'", new_event_name="Order Completed", renames=[("rev", "revenue")]
    )
    (event,) = judged_by(pipeline, build, ORDER, change).events
    assert (event["event"], event["properties"]) == ("Order Completed", {"revenue": 12.5})


def test_it_is_counted_under_the_name_with_which_it_came(pipeline, build):
    change = TransformationSnapshot("t1", "all", new_event_name="Other")
    (count,) = judged_by(pipeline, build, ORDER, change).head.outcomes
    assert count.event_name == "order_done"


def test_transformations_act_one_after_the_other(pipeline, build):
    first = TransformationSnapshot("t1", "event = 'order_done'", new_event_name="Order Completed")
    second = TransformationSnapshot("t2", "event = 'Order Completed'", values=[("properties.currency", "EUR")])
    late = TransformationSnapshot("t3", "event = 'order_done'", drop=True)
    (event,) = judged_by(pipeline, build, ORDER, first, second, late).events
    assert event["properties"] == {"rev": 12.5, "currency": "EUR"}


def test_a_dropped_event_ends_by_name_and_has_its_message_id(pipeline, build):
    drop = TransformationSnapshot("t1", "properties.rev > 10", drop=True)
    judged = judged_by(pipeline, build, ORDER, drop)
    assert judged.rows == []
    assert judged.reasons == {"": 1, "transformation": 1}
    assert judged_by(pipeline, build, ORDER, drop).reasons == {"duplicate": 1}


def test_what_no_transformation_touched_stays_as_it_was_sent(pipeline, build):
    raw = b'{"type":"track","event":"e","userId":"u","messageId":"m1","properties":{"a":0.10,"b":18446744073709551617}}'
    change = TransformationSnapshot("t1", "all", values=[("context.region", "eu")])
    (text,) = judged_by(pipeline, build, raw, change).texts
    assert b'"properties":{"a":0.10,"b":18446744073709551617}' in text


def test_decimals_that_move_to_another_level_or_field_keep_their_digits(pipeline, build):
    raw = (
        b'{"type":"track","event":"e","userId":"u","messageId":"m1","properties":{"a":0.12345678901234567890,"b":1.10}}'
    )
    down = TransformationSnapshot("t1", "all", renames=[("a", "cart.total")])
    out = TransformationSnapshot("t2", "all", expressions=[("context.b", "properties.b")])
    (text,) = judged_by(pipeline, build, raw, down, out).texts
    assert b'"properties":{"b":1.10,"cart":{"total":0.12345678901234567890}}' in text
    assert b'"b":1.10}' in text[: text.index(b'"properties"')]


def test_one_that_cannot_be_compiled_changes_nothing_and_the_others_act(pipeline, build):
    broken = TransformationSnapshot("t1", "event =", drop=True)
    change = TransformationSnapshot("t2", "all", new_event_name="Other")
    (event,) = judged_by(pipeline, build, ORDER, broken, change).events
    assert event["event"] == "Other"


def test_one_that_matches_nothing_leaves_the_event_byte_for_byte(pipeline, build):
    change = TransformationSnapshot("t1", "event = 'nothing'", drop=True)
    judged = judged_by(pipeline, build, ORDER, change)
    assert [row.fate for row in judged.rows] == [ROUTED_TO_ALL]
    (plain,) = judged_by(pipeline, build, ORDER | {"messageId": "m2"}).texts
    assert judged.texts[0] == plain.replace(b"m2", b"m1")
