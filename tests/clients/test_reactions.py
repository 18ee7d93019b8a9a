"""What the real clients do with an answer that is final, and with one that takes what they sent.

The edge itself is brought into each state; the proxy before it spoils requests that no client would send of its own.
tracking-api.md §14.2 is the table.
"""

from collections import Counter

import pytest
from real_clients import NODE, statuses, tracks

NO_KEY = ((b"writeKey", b"writeKex"), (b"uthorization:", b"uthorizatiox:"))
HEAD_END = b"\r\n\r\n"
REFUSED = {
    "invalid_json": (400, ((b'{"batch"', b'{"bat"h"'),)),
    "payload_too_large": (400, ((b"/v1/batch", b"/v1/track"),)),
    "missing_write_key": (400, NO_KEY),
    "invalid_gzip": (400, ((HEAD_END, b"\r\nContent-Encoding: gzip" + HEAD_END),)),
    "unsupported_encoding": (400, ((HEAD_END, b"\r\nContent-Encoding: br" + HEAD_END),)),
    "method_not_allowed": (405, ((b"POST /v1", b"LOCK /v1"),)),
    "not found": (404, ((b"/v1/batch", b"/v1/botch"),)),
}
"""Status, and what the proxy changes in the request, by the code of the answer."""


class TestDropped:
    @pytest.mark.parametrize("code", REFUSED)
    def test_a_refusal_ends_the_matter_at_the_first_try(self, stage, slug, answers, client, code):
        status, changes = REFUSED[code]
        stage.proxy.change_question(*changes)
        calls = tracks(slug, 40, text="x" * 1_000)  # together more than one event may weigh
        ran = client.run(stage.url, stage.key(slug), calls, **client.one_request(len(calls)))
        assert statuses(answers) == [status]
        assert sorted(ran.failed) == sorted(call["messageId"] for call in calls)
        assert not stage.loaded(slug)

    def test_a_batch_that_a_client_let_grow_too_large_is_refused(self, stage, slug, answers):
        """The guard of this version of the Node client measures too little, and lets pass what no server takes."""
        ran = NODE.run(stage.url, stage.key(slug), tracks(slug, 18, text="x" * 31_000), **NODE.one_request(18))
        assert statuses(answers) == [400]
        assert len(ran.failed) == 18

    def test_so_does_a_key_that_nobody_would_have_made(self, stage, slug, answers, client):
        ran = client.run(stage.url, "short", tracks(slug))
        assert statuses(answers) == [400]
        assert len(ran.failed) == 5


class TestTaken:
    def test_the_largest_batch_of_a_client_is_taken(self, stage, slug, answers, client):
        """FC-07: what each client takes for the 500 KB."""
        calls = tracks(slug, 30, text="x" * 31_000)
        ran = client.run(stage.url, stage.key(slug), calls)
        assert not ran.failed
        assert statuses(answers) == [200, 200]
        assert stage.loaded(slug) == Counter(ran.ids)
