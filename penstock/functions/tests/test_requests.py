"""What is kept of the requests of runs that failed."""

import base64

import pytest

from penstock.functions.instance import Program, Work
from penstock.functions.outcome import Consequence
from penstock.functions.requests import MASK, kept_requests
from penstock.js.sandbox import Exchanged, Wish
from penstock.js.sandbox.protocol import REQUESTS_KEPT
from penstock.spec.function_logs import LINE_LIMIT
from penstock.testing.receiver import Receiver, Reply

SECRET = "s3cret/of+ours"
SETTINGS = b'{"key":"%s"}' % SECRET.encode()


def coded(text):
    return base64.b64encode(text.encode()).decode()


def kept(wish, answer=None, settings=SETTINGS, sensitive=("key",)):
    (found,) = kept_requests([Exchanged(wish, answer)], settings, sensitive)
    return found


class TestMasking:
    @pytest.mark.parametrize(
        "name", ["Authorization", "cookie", "X-Api-Key", "x-auth-token", "X-Key", "X-Amz-Security-Token"]
    )
    def test_headers_that_give_access_are_masked_on_both_ways(self, name):
        found = kept(Wish("https://a/", headers=[(name, "v1"), ("accept", "json")]), {"headers": [[name, "v2"]]})
        assert (found.headers, found.response_headers) == ({name: MASK, "accept": "json"}, {name: MASK})

    def test_an_address_is_told_without_its_user_and_its_key(self):
        found = kept(Wish("https://me:word@a.example:8443/b?api_key=1234&c=d%20e"))
        assert found.url == f"https://{MASK}@a.example:8443/b?api_key={MASK}&c=d%20e"

    @pytest.mark.parametrize("spelled", [SECRET, "s3cret%2Fof%2Bours"])
    def test_a_sensitive_setting_is_masked_wherever_it_stands(self, spelled):
        wish = Wish(f"https://a/?q={spelled}", headers=[("accept", f"v {spelled}")], body=coded(f"of {spelled}"))
        answer = {"headers": [["echo", spelled]], "body": coded(f"is {spelled}")}
        found = kept(wish, answer)
        told = (found.url, found.headers, found.body, found.response_headers, found.response_body)
        assert told == (f"https://a/?q={MASK}", {"accept": f"v {MASK}"}, f"of {MASK}", {"echo": MASK}, f"is {MASK}")

    def test_no_half_of_a_secret_is_left_over_at_the_cut(self):
        before = "x" * (LINE_LIMIT - 5)
        assert kept(Wish("https://a/", body=coded(before + SECRET + "y"))).body == before
        long = "k" * (LINE_LIMIT * 3)
        found = kept(Wish("https://a/", body=coded(f"of {long}")), settings=b'{"key":"%s"}' % long.encode())
        assert found.body == "of "

    def test_other_settings_are_told(self):
        assert kept(Wish("https://a/", body=coded(SECRET)), sensitive=()).body == SECRET


class TestBounds:
    def test_texts_and_headers_are_shortened(self):
        headers = [(f"n{number}", "v" * 400) for number in range(9)]
        found = kept(Wish("https://a/" + "p" * 5_000, headers=headers, body=coded("b" * 5_000)))
        assert {len(found.url), len(found.body)} == {LINE_LIMIT}
        assert list(found.headers) == ["n0", "n1"]

    @pytest.mark.parametrize("url", ["http://[", "not an address", ""])
    def test_what_is_no_address_is_told_as_it_is(self, url):
        assert kept(Wish(url), {"error": {"message": "no"}}).error == "no"

    def test_bytes_that_are_no_text_disturb_nothing(self):
        found = kept(Wish("https://a/", body="/w=="), {"body": "no base64!"})
        assert (found.body, found.response_body) == ("\ufffd", "")


ASKING = """
async function onTrack(event, settings) {
  const options = { method: 'POST', headers: { 'X-Key': settings.key, 'X-Own': 'o' }, body: JSON.stringify(event) }
  for (let number = 0; number < event.count; number++) await fetch(`${settings.url}/${number}`, options)
  if (event.waits) await fetch(`${settings.url}/never`)
  if (event.hangs) for (;;);
  if (event.count > 1) throw new Error('at last')
}
"""


class TestRuns:
    @staticmethod
    async def run(pool, receiver, event, seconds=3.0):
        program = Program("DESTINATION", ASKING, "w", "f", ("key",))
        settings = b'{"key":"%s","url":"%s"}' % (SECRET.encode(), receiver.url.encode())
        return await pool.run("d", program, Work("onTrack", event, settings, seconds))

    async def test_the_last_requests_of_a_failed_run_and_their_answers_are_kept(self, pool):
        answer = lambda request: Reply(500 if request.path == "/11" else 200, {}, b"said " + request.path.encode())  # noqa: E731
        with Receiver(answer) as receiver:
            outcome = await self.run(pool, receiver, b'{"count":12}')
            first, *_, last = outcome.requests
            assert (outcome.message, len(outcome.requests)) == ("Error: at last", REQUESTS_KEPT)
            assert (first.url, last.url) == (f"{receiver.url}/2", f"{receiver.url}/11")
        assert (last.method, last.status, last.error) == ("POST", 500, "")
        assert (last.body, last.response_body) == ('{"count":12}', "said /11")
        assert (last.headers["x-key"], last.headers["x-own"]) == (MASK, "o")

    async def test_a_run_that_went_well_leaves_none(self, pool, receiver):
        outcome = await self.run(pool, receiver, b'{"count":1}')
        assert (outcome.consequence, outcome.requests) == (Consequence.DONE, [])

    @pytest.mark.parametrize("how", ["waits", "hangs"])
    async def test_a_run_that_is_ended_leaves_what_it_had_asked_for(self, pool, how):
        with Receiver(lambda request: Reply(delay=3.0 if request.path == "/never" else 0)) as receiver:
            outcome = await self.run(pool, receiver, b'{"count":1,"%s":true}' % how.encode(), 0.5)
        assert outcome.code == "gateway_timeout"
        assert outcome.requests[0].status == 200
        assert [one.error for one in outcome.requests[1:]] == (
            ["no answer before the end of the run"] if how == "waits" else []
        )
