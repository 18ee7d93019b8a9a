import copy
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.edits.hashing import hasher
from penstock.spec.edits.transformations import Transformations
from penstock.spec.snapshot import HashSnapshot, TransformationSnapshot

ORDER = {
    "type": "track",
    "event": "order_done",
    "userId": "u1",
    "messageId": "m1",
    "properties": {"rev": 12.5, "cur": "eur", "zip": "1010", "card": "4111"},
    "context": {},
}
CONDITION = "event='order_done'"


def transformation(condition=CONDITION, **given):
    return TransformationSnapshot("t", condition, **given)


def changed(event=ORDER, condition=CONDITION, **given):
    """The event past one transformation."""
    return Transformations([transformation(condition, **given)]).apply(event).event


def properties(**given):
    return changed(**given)["properties"]


class TestWorkedExamples:
    def test_a_new_event_name(self):
        assert changed(new_event_name="Order Completed") == ORDER | {"event": "Order Completed"}

    def test_renames_move_values(self):
        assert properties(renames=[("rev", "revenue"), ("zip", "address.zip")]) == {
            "cur": "eur",
            "card": "4111",
            "revenue": 12.5,
            "address": {"zip": "1010"},
        }

    def test_one_text_at_several_paths(self):
        found = properties(values=[("properties.cur", "EUR"), ("properties.currency", "EUR")])
        assert (found["cur"], found["currency"]) == ("EUR", "EUR")

    def test_the_value_of_an_expression(self):
        found = properties(expressions=[("properties.currency", "uppercase(properties.cur)")])
        assert (found["currency"], found["cur"]) == ("EUR", "eur")
        assert properties(expressions=[("properties.big", "properties.rev > 10")])["big"] is True

    def test_allowed_properties(self):
        assert properties(allowed=["rev", "cur"]) == {"rev": 12.5, "cur": "eur"}

    def test_a_hash(self):
        wanted = HashSnapshot("SHA256", ["properties.card"], "HEX")
        assert properties(hashed=wanted)["card"] == hashlib.sha256(b"4111").hexdigest()

    def test_a_drop_ignores_everything_else(self):
        assert changed(drop=True, new_event_name="x", renames=[("rev", "revenue")]) is None

    def test_an_event_that_does_not_match_goes_on_as_it_is(self):
        assert changed(condition="event = 'other'", drop=True) is ORDER


class TestRenames:
    def test_a_swap_keeps_both_sides(self):
        assert properties(renames=[("rev", "cur"), ("cur", "rev")]) == {
            "zip": "1010",
            "card": "4111",
            "cur": 12.5,
            "rev": "eur",
        }

    @pytest.mark.parametrize("value", [0, False, "", None])
    def test_a_value_that_counts_little_moves_too(self, value):
        event = {"type": "track", "properties": {"a": value}}
        assert changed(event, "true", renames=[("a", "b")])["properties"] == {"b": value}

    def test_what_is_not_there_does_not_move(self):
        assert changed(renames=[("none", "cur")]) is ORDER

    def test_what_stood_at_the_new_name_is_overwritten(self):
        assert properties(renames=[("rev", "cur")])["cur"] == 12.5

    def test_a_value_may_move_below_itself_and_out_of_an_object(self):
        event = {"type": "track", "properties": {"a": 1, "o": {"x": {"y": 2}, "z": 3}}}
        found = changed(event, "true", renames=[("a", "a.b"), ("o.x.y", "flat"), (r"o.z", r"dotted\.name")])
        assert found["properties"] == {"o": {"x": {}}, "a": {"b": 1}, "flat": 2, "dotted.name": 3}

    def test_a_value_stays_where_its_new_name_lies_behind_something_that_is_no_object(self):
        assert properties(renames=[("rev", "cur.inner")]) == ORDER["properties"]

    @pytest.mark.parametrize(
        ("event_type", "holder"),
        [
            ("track", "properties"),
            ("page", "properties"),
            ("screen", "properties"),
            ("identify", "traits"),
            ("group", "traits"),
        ],
    )
    @pytest.mark.parametrize("prefix", ["", "own"])
    def test_a_name_stands_in_what_the_type_keeps(self, event_type, holder, prefix):
        event = {"type": event_type, holder: {"old": 1}, "context": {"old": 2}}
        names = ("old", "new") if not prefix else (f"{holder}.old", f"{holder}.new")
        found = changed(event, "true", renames=[names])
        assert found == {"type": event_type, holder: {"new": 1}, "context": {"old": 2}}

    def test_an_alias_keeps_nothing_that_could_be_renamed(self):
        event = {"type": "alias", "previousId": "a", "userId": "b"}
        assert changed(event, "true", renames=[("previousId", "x")], allowed=["x"]) is event


class TestValues:
    def test_a_missing_object_right_below_properties_is_made_and_none_elsewhere(self):
        found = changed(
            values=[("properties.a.b", "x"), ("properties.c.d.e", "x"), ("context.page.url", "x"), ("foo.bar", "x")]
        )
        assert found["properties"] == ORDER["properties"] | {"a": {"b": "x"}}
        assert found["context"] == {"page": {"url": "x"}}
        assert "foo" not in found

    @pytest.mark.parametrize(("event_type", "holder"), [("track", "properties"), ("group", "traits")])
    def test_what_an_event_keeps_is_made_where_it_came_without_any(self, event_type, holder):
        event = {"type": event_type}
        assert changed(event, "true", values=[(f"{holder}.a.b", "x")]) == event | {holder: {"a": {"b": "x"}}}
        assert changed(event, "true", expressions=[(f"{holder}.a", "1")]) == event | {holder: {"a": 1}}
        other = "traits" if holder == "properties" else "properties"
        assert changed(event, "true", values=[(f"{other}.a", "x"), (f"{holder}.a.b.c", "x")]) is event

    def test_a_field_of_the_event_itself_may_be_set(self):
        assert changed(values=[("channel", "web")])["channel"] == "web"

    @pytest.mark.parametrize("path", ["type", "userId", "messageId", "timestamp", "", "a..b"])
    @pytest.mark.parametrize("kind", ["values", "expressions"])
    def test_what_makes_the_event_this_event_is_not_written(self, path, kind):
        broken = Transformations([transformation(**{kind: [(path, "'x'")]})])
        assert "t" in broken.broken
        assert broken.apply(ORDER).event is ORDER

    def test_an_expression_keeps_its_type_and_null_is_written(self):
        for fql, value in [("properties.rev", 12.5), ("properties.none", None), ("[1, 'a']", [1, "a"]), ("'t'", "t")]:
            assert properties(expressions=[("properties.x", fql)])["x"] == value

    def test_an_expression_without_a_value_writes_nothing(self):
        assert changed(expressions=[("properties.x", "length(properties)")]) is ORDER


class TestAllowed:
    def test_a_branch_is_kept_in_the_order_of_the_event(self):
        event = {"type": "identify", "traits": {"a": 1, "address": {"city": "x", "zip": 1, "geo": {"lat": 1}}, "z": 2}}
        found = changed(event, "true", allowed=["z", "address.zip", "traits.address.geo", "none", "a.deeper"])
        assert found["traits"] == {"address": {"zip": 1, "geo": {"lat": 1}}, "z": 2}
        assert list(found["traits"]) == ["address", "z"]

    def test_an_empty_list_leaves_nothing(self):
        assert properties(allowed=[]) == {}

    def test_it_sees_what_was_renamed(self):
        assert properties(renames=[("rev", "revenue")], allowed=["revenue"]) == {"revenue": 12.5}


class TestHashes:
    @pytest.mark.parametrize("algorithm", ["MD5", "sha1", "Sha256", "SHA512"])
    @pytest.mark.parametrize("encoding", ["", "HEX", "BASE16", "base64", "BASE64URL"])
    @pytest.mark.parametrize("key", ["", "s3cret"])
    def test_every_kind_is_of_the_right_length_and_no_two_values_meet(self, algorithm, encoding, key):
        digest = hasher(HashSnapshot(algorithm, [], encoding), key.encode())
        size = hashlib.new(algorithm.lower()).digest_size
        assert len(digest("a")) == (size * 2 if encoding in ("", "HEX", "BASE16") else -(-size // 3) * 4)
        assert len({digest(value) for value in ["a", 1, True, [1], {"a": 1}, ""]}) == 6

    def test_a_key_makes_it_an_hmac(self):
        found = hasher(HashSnapshot("SHA256", [], "HEX"), b"s3cret")("4111")
        assert found == hmac.new(b"s3cret", b"4111", "sha256").hexdigest()

    def test_other_values_are_hashed_by_their_json_and_null_stays(self):
        event = {"type": "track", "properties": {"n": 12.5, "l": [1, "a"], "null": None}}
        hashed = HashSnapshot("SHA512", ["properties.n", "properties.l", "properties.null", "properties.none"])
        assert changed(event, "true", hashed=hashed)["properties"] == {
            "n": hashlib.sha512(b"12.5").hexdigest(),
            "l": hashlib.sha512(b'[1,"a"]').hexdigest(),
            "null": None,
        }

    @pytest.mark.parametrize("wanted", [HashSnapshot("ROT13", []), HashSnapshot("MD5", [], "BASE32")])
    def test_what_is_not_known_does_not_act(self, wanted):
        assert "is none of" in Transformations([transformation(hashed=wanted)]).broken["t"]


class TestSeveral:
    def test_each_acts_on_what_the_one_before_it_left(self):
        several = Transformations(
            [
                transformation(new_event_name="Order Completed"),
                transformation(renames=[("rev", "revenue")]),
                transformation("event = 'Order Completed'", values=[("properties.cur", "EUR")]),
            ]
        )
        found = several.apply(ORDER).event
        assert found["event"] == "Order Completed"
        assert found["properties"]["cur"] == "EUR"
        assert "revenue" not in found["properties"]

    def test_only_a_tracked_event_has_a_name_to_change(self):
        event = {"type": "page", "properties": {}}
        assert changed(event, "true", new_event_name="x") is event

    def test_a_condition_without_an_answer_does_not_act_and_is_told(self):
        several = Transformations([transformation("properties.rev and true", drop=True), transformation(drop=True)])
        assert several.apply({**ORDER, "event": "x"}) == several.apply({**ORDER, "event": "x"})
        assert several.apply({**ORDER, "event": "x"}).unjudged == ("t",)
        assert several.apply(ORDER).event is None

    def test_none_is_nothing_to_do(self):
        assert not Transformations([])
        assert Transformations([]).apply(ORDER).event is ORDER


NAMES = st.sampled_from(["a", "b", "a.b", "b.a", "properties.a", "c.d.e"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "d"]), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["track", "identify", "alias", 5]),
    VALUES,
    st.lists(st.tuples(NAMES, NAMES), max_size=3),
    st.none() | st.lists(NAMES, max_size=3),
)
def test_no_event_breaks_a_transformation_and_none_is_changed_in_place(event_type, held, renames, allowed):
    event = {"type": event_type, "properties": held, "traits": held}
    before = copy.deepcopy(event)
    applied = Transformations(
        [
            transformation(
                "true",
                renames=renames,
                values=[("properties.a.b", "v")],
                expressions=[("traits.x", "length(properties.a)")],
                allowed=allowed,
                hashed=HashSnapshot("MD5", ["properties.a"]),
            )
        ]
    )
    assert not applied.broken
    assert applied.apply(event).event is not None
    assert event == before
