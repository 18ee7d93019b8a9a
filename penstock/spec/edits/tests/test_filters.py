import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.edits.filters import Filters, sample_fraction
from penstock.spec.snapshot import DestinationFilterSnapshot, FilterActionSnapshot

ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "u1",
    "properties": {
        "order_id": "o1",
        "total": 9,
        "email": "x",
        "b.c": 1,
        "two words": 2,
        "products": [{"sku": "A", "cost": 1}, "text", {"sku": "B", "nested": {"cost": 2}}],
    },
    "context": {"device": {"id": "d", "model": "m"}},
    "traits": {"email": "y"},
}


def drop():
    return FilterActionSnapshot("DROP")


def sample(percent, path=""):
    return FilterActionSnapshot("SAMPLE", {}, percent, path)


def remove(**fields):
    return FilterActionSnapshot("DROP_PROPERTIES", named(fields))


def allow(**fields):
    return FilterActionSnapshot("ALLOW_PROPERTIES", named(fields))


def named(fields):
    """`top` is the event itself, `a__b` the path `a.b`."""
    return {"" if name == "top" else name.replace("__", "."): names for name, names in fields.items()}


def filters(*wanted):
    """From (condition, actions …), in the order of their making."""
    return Filters([DestinationFilterSnapshot(f"f{n}", one[0], list(one[1:])) for n, one in enumerate(wanted)])


def left(*wanted, event=ORDER, message_id="m-1"):
    return filters(*wanted).apply(event, message_id).event


class TestDrop:
    def test_a_match_drops_and_all_else_goes_on_as_it_is(self):
        assert left(('event = "Order Completed"', drop())) is None
        assert left(('event = "Signed Up"', drop())) is ORDER

    def test_all_is_every_event(self):
        assert left(("all", drop())) is None

    def test_only_send_is_the_negated_condition(self):
        assert left(('!( event = "Order Completed" )', drop())) is ORDER

    def test_two_that_contradict_each_other_let_nothing_pass(self):
        wanted = [(f'!( event = "{name}" )', drop()) for name in ("Order Completed", "Signed Up")]
        assert left(*wanted) is None
        assert left(*wanted, event={**ORDER, "event": "Signed Up"}) is None

    @pytest.mark.parametrize(("user", "is_left"), [("u", True), ("", False), (None, False)])
    def test_a_user_id_can_be_required(self, user, is_left):
        event = {**ORDER, "userId": user}
        assert (left(("length( userId ) < 1", drop()), event=event) is event) is is_left

    def test_a_list_is_asked_by_in(self):
        event = {"type": "track", "properties": {"skus": ["A", "B"]}}
        assert left(("'A' in properties.skus", drop()), event=event) is None
        assert left(("'C' in properties.skus", drop()), event=event) is event


class TestProperties:
    def test_listed_keys_are_removed_where_their_object_stands(self):
        found = left(("all", remove(top=["userId"], traits=["email"], context__device=["id"], properties=["email"])))
        assert "userId" not in found
        assert found["traits"] == {}
        assert found["context"] == {"device": {"model": "m"}}
        assert "email" not in found["properties"]
        assert found["properties"]["order_id"] == "o1"

    def test_each_object_of_an_array_loses_them(self):
        found = left(("all", remove(properties__products=["sku", "cost"])))
        assert found["properties"]["products"] == [{}, "text", {"nested": {"cost": 2}}]

    def test_a_name_is_one_key_whatever_is_in_it(self):
        found = left(("all", remove(properties=["b.c", "two words"])))
        assert not {"b.c", "two words"} & set(found["properties"])

    def test_only_listed_keys_stay_in_the_named_object_and_others_are_untouched(self):
        found = left(('type = "track" and event = "Order Completed"', allow(properties=["order_id", "total", "none"])))
        assert found["properties"] == {"order_id": "o1", "total": 9}
        assert (found["context"], found["traits"]) == (ORDER["context"], ORDER["traits"])

    def test_type_and_message_id_stay_in_an_event_and_go_elsewhere(self):
        assert left(("all", allow(top=["userId"]))) == {"type": "track", "messageId": "m-1", "userId": "u1"}
        found = left(("all", remove(top=["type", "messageId", "event"])))
        assert {"type", "messageId"} <= set(found)
        assert "event" not in found
        assert left(("all", remove(a=["type"])), event={"type": "track", "a": {"type": 1}})["a"] == {}

    @pytest.mark.parametrize("path", ["properties__total", "nothing", "nothing__at__all", "event"])
    def test_where_no_object_stands_nothing_happens(self, path):
        assert left(("all", remove(**{path: ["x"]}), allow(**{path: ["x"]}))) is ORDER

    def test_the_event_that_was_given_is_not_changed(self):
        before = copy.deepcopy(ORDER)
        left(("all", remove(top=["userId"], properties__products=["sku"]), allow(context=["x"])))
        assert before == ORDER


class TestOrder:
    def test_kinds_have_their_order_whatever_was_made_first(self):
        """The last DROP does not see what the first filter would remove; an allow list sees what is left."""
        found = left(
            ("all", allow(properties=["total"])),
            ("all", remove(properties=["total"])),
            ("properties.total = null", drop()),
        )
        assert found["properties"] == {}

    def test_a_condition_sees_what_earlier_filters_left(self):
        found = left(
            ("all", remove(properties=["email"])),
            ("properties.email = 'x'", remove(top=["userId"])),
        )
        assert found["userId"] == "u1"

    def test_a_filter_is_judged_once_for_all_its_actions(self):
        found = left(("properties.email = 'x'", remove(properties=["email"]), allow(traits=[])))
        assert "email" not in found["properties"]
        assert found["traits"] == {}

    def test_what_is_sampled_out_is_not_judged_further(self):
        verdict = filters(("event", drop()), ("all", sample(0))).apply(ORDER, "m")
        assert (verdict.event, verdict.unjudged) == (None, "")


class TestSample:
    @pytest.mark.parametrize(
        ("value", "fraction"),
        [
            ("abc", 0.921294),
            ("u-77", 0.912536),
            ("anon-1", 0.406043),
            ("", 0.614340),
            (None, 0.217379),
            (1, 0.768711),
            (42.5, 0.382224),
            (True, 0.699809),
        ],
    )
    def test_the_fractions_are_those_of_the_vectors(self, value, fraction):
        assert sample_fraction(value) == pytest.approx(fraction, abs=5e-7)
        event = {"type": "track", "v": value}
        assert left(("all", sample(fraction - 1e-6, "v")), event=event) is None
        assert left(("all", sample(fraction + 1e-6, "v")), event=event) is event

    def test_a_path_to_nothing_is_sampled_as_null(self):
        assert left(("all", sample(0.2173, "no.such"))) is None
        assert left(("all", sample(0.2174, "no.such"))) is ORDER

    @pytest.mark.parametrize("path", ["", "userId"])
    @pytest.mark.parametrize(("percent", "is_left"), [(0, False), (-1, False), (1, True), (2, True)])
    def test_nothing_and_all_are_exact(self, path, percent, is_left):
        for number in range(50):
            event = {"type": "track", "userId": f"u{number}"}
            assert (left(("all", sample(percent, path)), event=event, message_id=f"m{number}") is event) is is_left

    @pytest.mark.parametrize("path", ["", "userId"])
    def test_about_the_share_is_kept(self, path):
        one = filters(("all", sample(0.3, path)))
        kept = sum(one.apply({"userId": f"u{n}"}, f"m{n}").event is not None for n in range(4_000))
        assert 1_080 < kept < 1_320

    def test_without_a_path_each_filter_draws_for_itself_and_the_same_again(self):
        half = filters(("all", sample(0.5)), ("all", sample(0.5)))
        kept = [n for n in range(4_000) if half.apply({}, f"m{n}").event is not None]
        assert 880 < len(kept) < 1_120
        assert kept == [n for n in range(4_000) if half.apply({}, f"m{n}").event is not None]

    @given(st.text(max_size=5) | st.integers() | st.none(), st.floats(0, 1), st.floats(0, 1))
    def test_a_larger_share_keeps_whom_a_smaller_one_kept(self, value, one, other):
        smaller, larger = sorted((one, other))
        event = {"v": value}
        if left(("all", sample(smaller, "v")), event=event) is event:
            assert left(("all", sample(larger, "v")), event=event) is event

    def test_only_what_matches_is_sampled(self):
        assert left(("event = 'Video Content Playing'", sample(0, "userId"))) is ORDER


class TestFailingClosed:
    def test_a_condition_without_an_answer_drops_and_names_its_filter(self):
        verdict = filters(("all", remove(top=["x"])), ("properties.total and true", remove(top=["y"]))).apply(
            ORDER, "m"
        )
        assert (verdict.event, verdict.unjudged) == (None, "f1")

    @pytest.mark.parametrize("condition", ["properties.email", "properties.missing", "lowercase(event)"])
    def test_a_condition_that_is_no_boolean_is_no_match(self, condition):
        assert left((condition, drop())) is ORDER

    @pytest.mark.parametrize(
        ("condition", "action", "told"),
        [
            ("event =", drop(), "line 1, column 8"),
            ("all", FilterActionSnapshot("ENCRYPT"), "ENCRYPT"),
            ("all", remove(a__=["x"]), "without a name"),
            ("all", sample(1, "a.$.b"), "array"),
        ],
    )
    def test_a_filter_that_cannot_be_compiled_drops_everything_and_is_told(self, condition, action, told):
        broken = filters(("all", remove(top=["x"])), (condition, action))
        assert told in broken.broken["f1"]
        assert broken.apply(ORDER, "m").event is None

    def test_no_filters_are_nothing_to_do(self):
        assert not filters()
        assert filters(("all", drop()))
        assert filters().apply(ORDER, "m").event is ORDER
