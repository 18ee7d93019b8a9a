"""What becomes of `context.ip` where its source does not keep it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from penstock.pipeline.judging.contexts import Contexts, truncated

CLIENT = "website"


def delivered(ip, own, peer="198.51.100.7", platform=CLIENT):
    return json.loads(bytes(Contexts(None, platform, peer, ip).of(Raw(json.dumps(own).encode())).text))


class TestHandling:
    @pytest.mark.parametrize(
        ("ip", "own", "expected"),
        [
            ("keep", {}, {"ip": "198.51.100.7"}),
            ("truncate", {}, {"ip": "198.51.100.0"}),
            ("drop", {}, {}),
            ("truncate", {"ip": "203.0.113.9", "locale": "en"}, {"ip": "203.0.113.0", "locale": "en"}),
            ("drop", {"ip": "203.0.113.9", "locale": "en"}, {"locale": "en"}),
            ("truncate", {"ip": "2001:db8:1:2::3"}, {"ip": "2001:db8:1::"}),
            ("truncate", {"ip": "no address"}, {}),
            ("truncate", {"ip": 7}, {}),
        ],
    )
    def test_an_address_is_handled_whoever_wrote_it(self, ip, own, expected):
        assert delivered(ip, own) == expected

    def test_a_server_without_an_address_stays_without_one(self):
        assert delivered("truncate", {"locale": "en"}, platform="server") == {"locale": "en"}

    def test_an_address_in_the_dress_of_the_other_family_is_cut_as_what_it_is(self):
        assert truncated(Raw(b'"::ffff:203.0.113.9"')) == "203.0.113.0"

    @given(st.text(st.characters(codec="utf-8")))
    def test_no_address_writes_anything_but_an_address(self, scope):
        for address in (f"fe80::1%{scope}", scope):
            assert set(delivered("truncate", {"ip": address})) <= {"ip"}
            assert truncated(Raw(json.dumps(address).encode())) in {"", "fe80::"} or ":" in address or "." in address
