"""Reads are answered again from memory, and never from what is not true any more. On Postgres nothing is kept."""

import pytest

from penstock.api.auth import Principal
from penstock.api.kept_answers import Kept, KeptAnswers
from penstock.infra.db import Database
from penstock.testing.control_plane import V1, ControlPlaneForTests

BODY = {"slug": "shop", "metadataId": "iUM16Md8P2"}


class TestKeeping:
    def test_what_is_kept_is_found_in_the_same_state_alone(self):
        answers, kept = KeptAnswers(), Kept(b"{}", Principal("t", "w", "n"))
        assert answers.find("q", 1, 0) is None
        answers.keep("q", 1, kept)
        assert answers.find("q", 1, 0) is kept
        assert answers.find("q", 2, 0) is None
        assert answers.find("q", 1, 0) is None

    def test_an_answer_that_was_looked_up_in_another_state_is_not_kept(self):
        answers = KeptAnswers()
        answers.find("q", 2, 0)
        answers.keep("q", 1, Kept(b"{}", Principal("t", "w", "n")))
        assert answers.find("q", 2, 0) is None

    def test_where_nobody_knows_the_state_nothing_is_kept(self):
        answers = KeptAnswers()
        answers.keep("q", None, Kept(b"{}", Principal("t", "w", "n")))
        assert answers.find("q", None, 0) is None

    def test_a_token_that_has_expired_gets_nothing(self):
        answers = KeptAnswers()
        answers.find("q", 1, 0)
        answers.keep("q", 1, Kept(b"{}", Principal("t", "w", "n", expires_at=5)))
        assert answers.find("q", 1, 4) is not None
        assert answers.find("q", 1, 5) is None

    def test_memory_is_bounded(self):
        answers, large = KeptAnswers(), Kept(b"x" * (1 << 20), Principal("t", "w", "n"))
        answers.find(0, 1, 0)
        for number in range(100):
            answers.keep(number, 1, large)
        assert sum(answers.find(number, 1, 0) is not None for number in range(100)) <= 16
        answers.keep("too large", 1, Kept(b"x" * ((1 << 20) + 1), Principal("t", "w", "n")))
        assert answers.find("too large", 1, 0) is None


async def slugs(control: ControlPlaneForTests, **headers: str) -> list[str]:
    return [source["slug"] for source in (await control.data("GET", "/sources", **headers))["sources"]]


async def test_what_any_process_commits_is_in_the_next_answer(control, control_url):
    assert await slugs(control) == await slugs(control) == ["my-first-source"]
    other = ControlPlaneForTests(Database(control_url), control.clock, 1.0)
    other.first_run = control.first_run
    await other.data("POST", "/sources", BODY)
    assert await slugs(control) == ["my-first-source", "shop"]
    await other.client.aclose()
    await other.database.close()


async def test_a_token_that_is_revoked_gets_nothing_more(control):
    reader = await control.token_with("source:read")
    for _ in range(2):
        assert await slugs(control, authorization=reader) == ["my-first-source"]
    (token,) = [each for each in (await control.data("GET", "/penstock/tokens"))["tokens"] if each["name"] == "test"]
    await control.data("DELETE", f"/penstock/tokens/{token['id']}")
    assert (await control.ask("GET", "/sources", authorization=reader)).status_code == 401


async def test_each_token_and_each_contract_has_its_own_answer(control):
    reader = await control.token_with("source:read")
    for _ in range(2):
        whole = (await control.data("GET", "/sources"))["sources"][0]
        told = (await control.data("GET", "/sources", authorization=reader))["sources"][0]
        official = await control.ask("GET", "/sources?pagination.count=1", accept=V1)
        assert whole["writeKeys"]
        assert not told["writeKeys"]
        assert official.headers["content-type"] == V1


async def test_what_is_kept_counts_against_the_rate_limit(control):
    told = [(await control.ask("GET", "/sources")).headers["x-ratelimit-consumed"] for _ in range(3)]
    assert told == ["1", "2", "3"]


@pytest.mark.parametrize("path", ["/echo?message=a", "/usage/mtu/daily?period=2024-01-01"])
async def test_what_depends_on_the_request_or_the_clock_is_not_kept(control, path):
    await control.ask("GET", path, accept=V1)
    assert all(not kept.body for kept in control.api._answers._kept.values())


async def test_what_was_kept_of_a_long_query_is_nothing(control):
    await control.ask("GET", f"/sources?n={'x' * 2_000}")
    assert all(not kept.body for kept in control.api._answers._kept.values())
