import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.edits.paths import PathError, edited, split_path, value_at


class TestSplit:
    @pytest.mark.parametrize(
        ("text", "keys"),
        [
            ("", ()),
            ("a", ("a",)),
            ("context.device", ("context", "device")),
            (r"size\.eu.x", ("size.eu", "x")),
            (r"a\\b", ("a\\b",)),
            ("product 1.é", ("product 1", "é")),
            ("0.1", ("0", "1")),
        ],
    )
    def test_dots_separate_and_a_backslash_makes_one_literal(self, text, keys):
        assert split_path(text) == keys

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (".", "without a name"),
            ("a.", "without a name"),
            ("a..b", "without a name"),
            ("a\\", "nothing to escape"),
            ("products.$.sku", "name the array itself"),
            (".".join("a" * 33), "deeper than 32"),
        ],
    )
    def test_what_is_no_path_is_told_why(self, text, told):
        with pytest.raises(PathError, match=told):
            split_path(text)

    @given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4).filter(lambda keys: "$" not in keys))
    def test_every_key_can_be_written(self, keys):
        text = ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in keys)
        assert split_path(text) == tuple(keys)


class TestEdit:
    EVENT = {"a": {"b": {"x": 1, "y": 2}}, "l": [{"x": 1}, 5, {"y": 2}, [{"x": 1}]], "s": "text"}

    @staticmethod
    def without_x(found):
        return {key: value for key, value in found.items() if key != "x"} if "x" in found else found

    def test_what_lies_on_the_way_is_copied_and_all_else_is_shared(self):
        changed = edited(self.EVENT, ("a", "b"), self.without_x)
        assert changed == {**self.EVENT, "a": {"b": {"y": 2}}}
        assert self.EVENT["a"]["b"] == {"x": 1, "y": 2}
        assert changed["l"] is self.EVENT["l"]

    def test_each_object_of_an_array_is_edited_and_nothing_else_in_it(self):
        assert edited(self.EVENT, ("l",), self.without_x)["l"] == [{}, 5, {"y": 2}, [{"x": 1}]]

    @pytest.mark.parametrize("keys", [(), ("a",), ("s",), ("s", "x"), ("missing",), ("l", "x"), ("a", "b", "x")])
    def test_where_nothing_changes_the_value_itself_comes_back(self, keys):
        assert edited(self.EVENT, keys, self.without_x) is self.EVENT

    @pytest.mark.parametrize(
        ("keys", "value"), [(("a", "b", "y"), 2), (("l", "0"), None), (("s", "x"), None), (("m",), None)]
    )
    def test_a_value_is_found_through_objects_alone(self, keys, value):
        assert value_at(self.EVENT, keys) == value
