import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.connection_settings import (
    MASK,
    Options,
    StoredSettings,
    masked,
    merge,
    require_complete,
    sealed_whole,
)
from penstock.api.errors import BadRequest
from penstock.infra.secrets import Sealer

OPTIONS = Options(
    {"url": "string", "apiKey": "password", "on": "boolean", "size": "number", "kind": "select", "tags": "array"}
)
sealer = Sealer(b"k" * 32)
NONE = StoredSettings()


def whole(stored):
    return json.loads(sealer.open(sealed_whole(stored, OPTIONS, sealer)))


def test_secrets_are_masked_on_read_and_whole_for_delivery():
    stored = merge(NONE, {"apiKey": "s3cret", "url": "https://a"}, OPTIONS, sealer)
    assert masked(stored) == {"apiKey": MASK, "url": "https://a"}
    assert list(masked(stored)) == ["apiKey", "url"]
    assert whole(stored) == {"apiKey": "s3cret", "url": "https://a"}
    assert b"s3cret" not in stored.sealed_secrets
    assert "s3cret" not in stored.settings


def test_the_mask_leaves_a_secret_as_it_is():
    stored = merge(NONE, {"apiKey": "s3cret"}, OPTIONS, sealer)
    again = merge(stored, {"apiKey": MASK, "url": "x"}, OPTIONS, sealer)
    assert whole(again) == {"apiKey": "s3cret", "url": "x"}


def test_the_mask_of_a_secret_that_is_not_there_makes_none():
    assert masked(merge(NONE, {"apiKey": MASK}, OPTIONS, sealer)) == {}


def test_null_removes_settings_and_secrets():
    stored = merge(NONE, {"apiKey": "s3cret", "url": "x"}, OPTIONS, sealer)
    assert whole(merge(stored, {"apiKey": None, "url": None, "unknown": None}, OPTIONS, sealer)) == {}


def test_values_are_coerced_to_the_type_of_their_option():
    sent = {"url": 5, "on": "true", "size": "12", "kind": True, "tags": [1, {"a": None}]}
    assert whole(merge(NONE, sent, OPTIONS, sealer)) == {
        "url": "5",
        "on": True,
        "size": 12,
        "kind": "true",
        "tags": [1, {"a": None}],
    }


def test_unknown_keys_are_dropped_but_credentials_are_kept_as_secrets():
    sent = {"unknown": 1, "dynamicAuthSettings": {"bearer": {"bearerToken": "t"}}, "oauth": {"access_token": "u"}}
    stored = merge(NONE, sent, OPTIONS, sealer)
    assert masked(stored) == {"dynamicAuthSettings": MASK, "oauth": MASK}
    assert whole(stored) == {name: value for name, value in sent.items() if name != "unknown"}


def test_every_wrong_value_is_told():
    with pytest.raises(BadRequest) as refused:
        merge(NONE, {"url": {}, "on": "yes", "size": "x", "apiKey": []}, OPTIONS, sealer)
    assert [problem.field for problem in refused.value.problems] == [
        "settings.url",
        "settings.on",
        "settings.size",
        "settings.apiKey",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*OPTIONS.types, "oauth", "unknown"]), json_values))
def test_sending_back_what_was_read_changes_nothing(sent):
    try:
        stored = merge(NONE, sent, OPTIONS, sealer)
    except BadRequest:
        return
    again = merge(stored, masked(stored), OPTIONS, sealer)
    assert whole(again) == whole(stored)
    assert masked(again) == masked(stored)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e999", "²", "1_0", "0x1", "", "\ud800"])
def test_a_text_that_is_no_number_of_json_is_refused(text):
    with pytest.raises(BadRequest):
        merge(NONE, {"size": text}, OPTIONS, sealer)


@pytest.mark.parametrize(("text", "number"), [("5", 5), (" -1.5 ", -1.5), ("1e3", 1000.0)])
def test_a_text_that_is_a_number_becomes_one(text, number):
    assert whole(merge(NONE, {"size": text}, OPTIONS, sealer)) == {"size": number}


class TestRequireComplete:
    OPTIONS = Options(
        {"url": "string", "apiKey": "password", "size": "number", "region": "select", "on": "boolean"},
        required=("url", "apiKey", "size", "region", "on"),
        defaults={"region": "US", "on": False},
    )
    MANY = Options({"tags": "text-list", "map": "text-object", "on": "boolean"}, required=("tags", "map", "on"))

    def lacking(self, options=OPTIONS, **sent):
        try:
            require_complete(merge(NONE, sent, options, sealer), options, sealer)
        except BadRequest as refused:
            return [problem.field for problem in refused.problems]
        return []

    def test_everything_that_is_lacking_is_told(self):
        assert self.lacking() == ["settings.url", "settings.apiKey", "settings.size"]
        assert self.lacking(url="", apiKey="", size=0) == ["settings.url", "settings.apiKey"]
        assert self.lacking(url="x", apiKey=MASK, size=0) == ["settings.apiKey"]
        assert self.lacking(url="x", apiKey="k", size=0) == []

    def test_an_empty_list_or_object_is_lacking_and_false_is_not(self):
        assert self.lacking(self.MANY, tags=[], map={}, on=False) == ["settings.tags", "settings.map"]
        assert self.lacking(self.MANY, tags=["a"], map={"a": ""}, on=False) == []

    def test_what_is_as_empty_as_its_default_is_not_lacking(self):
        options = msgspec.structs.replace(self.MANY, defaults={"tags": [], "map": {}})
        assert self.lacking(options, on=False) == self.lacking(options, tags=[], map={}, on=True) == []

    def test_a_default_is_told_to_delivery_and_not_to_readers(self):
        stored = merge(NONE, {"url": "x"}, self.OPTIONS, sealer)
        assert masked(stored) == {"url": "x"}
        assert json.loads(sealer.open(sealed_whole(stored, self.OPTIONS, sealer))) == {
            "region": "US",
            "on": False,
            "url": "x",
        }
