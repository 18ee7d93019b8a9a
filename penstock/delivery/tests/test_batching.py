import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.batching import BatchRule, group_of, rule_of


def rule(**mapping) -> BatchRule | None:
    return rule_of(json.dumps({"enable_batching": True, **mapping}).encode())


class TestRule:
    def test_a_mapping_that_wants_no_batches_has_none(self):
        assert rule(enable_batching=False) is None
        assert rule_of(b"") is None
        assert rule_of(b"[]") is None

    def test_fields_that_are_the_same_for_every_event_keep_nothing_apart(self):
        fixed = rule(batch_keys=["url", "headers", "missing"], url="http://x/", headers={"a": ["b", 1]})
        assert fixed == BatchRule(1_000, 4_000_000)

    def test_plain_paths_keep_events_apart_by_their_values(self):
        assert rule(batch_keys=["url"], url={"@path": "$.properties.hook"}).paths == (("properties", "hook"),)

    @pytest.mark.parametrize(
        "value",
        [
            {"@template": "http://x/{{userId}}"},
            {"@path": "$.properties['a b']"},
            {"@path": "$."},
            {"@path": "$.a", "other": 1},
            {"inner": {"@path": "$.a"}},
            [{"@path": "$.a"}],
            {"@path": 5},
        ],
    )
    def test_what_the_official_code_alone_can_resolve_makes_every_event_its_own_batch(self, value):
        assert rule(batch_keys=["url"], url=value) == BatchRule(1, 4_000_000)

    def test_keys_that_are_no_list_are_not_guessed_at(self):
        assert rule(batch_keys={"@path": "$.a"}).size == 1
        assert rule(batch_keys=None).size == 1_000


class TestGroup:
    KEYED = BatchRule(10, 10, (("properties", "hook"), ("userId",)))

    def test_events_of_one_batch_share_all_values(self):
        def group(hook, user):
            return group_of(self.KEYED, json.dumps({"properties": {"hook": hook}, "userId": user}).encode())

        assert group("a", "u") == group("a", "u")
        assert len({group("a", "u"), group("b", "u"), group("a", "v"), group(None, "u"), group(["a"], "u")}) == 5

    @pytest.mark.parametrize("body", [b"{}", b'{"properties":5}', b'{"properties":{"hook":{"a":1}}}'])
    def test_an_event_without_the_value_has_a_group_too(self, body):
        assert group_of(self.KEYED, body)

    @given(st.binary(max_size=30))
    def test_without_keys_no_event_is_looked_into(self, body):
        assert group_of(BatchRule(10, 10), body) == b""
        assert group_of(None, body) == b""
