import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.resources.destinations.trigger import TRIGGER_LIMIT, TriggerError, check_trigger


@pytest.mark.parametrize(
    "trigger",
    [
        'type = "track"',
        "type = track",
        "type = 'track'",
        'type="track"and event="Order Completed"',
        'type = "track" AND event = "a" or userId != null',
        '(type = "track" or type = "page") and properties.price >= 5',
        'properties.a.b-c = -1.5 and traits.email != "x"',
        'contains(event, "Order") and !match(context.page.path, "/a*")',
        'type = "track" and groupId = "zzz"',
        r'properties.with\ space = "x"',
        'event = "a \\" quote"',
        "properties.paid = true",
        'type != "track"',
    ],
)
def test_what_the_official_parser_reads_is_taken(trigger):
    check_trigger(trigger)


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("", "must have a condition"),
        ("  ", "must have a condition"),
        ("all", "must have a condition"),
        ('groupId = "x"', "tests nothing"),
        ("type", "has the end where one of"),
        ("type =", "has the end where a value"),
        ('type = "track" and', "has the end where the name of a field"),
        ('type = "track" type = "page"', "where `and`, `or` or the end"),
        ('((type = "track"))', "nests parentheses"),
        ('(type = "track"', "where ) was expected"),
        ('type = "track")', "where `and`, `or` or the end"),
        ('not type = "track"', "uses not"),
        ('!(type = "track")', "before something else"),
        ('type in ["track"]', "uses in"),
        ("length(event) > 3", "uses length"),
        ('properties.price > "a"', "no number"),
        ("contains(event, 5)", "string in double quotes"),
        ('contains(event "x")', "where , was expected"),
        ('type = "track', "cannot be read from"),
        ("x" * (TRIGGER_LIMIT + 1), "is longer than"),
    ],
)
def test_what_it_does_not_read_is_refused_with_the_reason(trigger, told):
    with pytest.raises(TriggerError, match=told.replace("(", r"\(").replace(")", r"\)").replace("`", "`")):
        check_trigger(trigger)


@given(st.text(st.sampled_from(list("type=\"track'() andornt!,.<>\\5")), max_size=60) | st.text(max_size=60))
def test_no_text_breaks_the_parser(trigger):
    with contextlib.suppress(TriggerError):
        check_trigger(trigger)
