import pytest

SLUG = b'"slug": "a", "metadataId": "iUM16Md8P2"'


@pytest.mark.parametrize(
    "raw",
    [
        b'{"slug": "a\\ud800", "metadataId": "iUM16Md8P2"}',
        b"{%s, " % SLUG + b'"settings": {"a": 1e400}}',
        b"{%s, " % SLUG + b'"settings": {"a": NaN}}',
        b"{%s, " % SLUG + b'"settings": {"a": "\\ud800"}}',
        b"{%s, " % SLUG + b'"settings": {"a": "\xff"}}',
        b"{%s, " % SLUG + b'"settings": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b"{%s, " % SLUG + b'"settings": ' + b"[" * 100_000,
    ],
)
async def test_a_hostile_body_is_refused_and_nothing_is_made(control, raw):
    headers = {"authorization": f"Bearer {control.first_run.token}"}
    assert (await control.client.post("/sources", content=raw, headers=headers)).status_code == 400
    assert (await control.data("GET", "/sources"))["pagination"]["totalEntries"] == 1


async def test_numbers_and_texts_at_the_edge_come_back_as_they_were_sent(control):
    settings = {"big": 123456789012345678901234567890, "\x00": "\x00", "float": 1e308, "tiny": 5e-324, "": ""}
    body = {"slug": "a", "metadataId": "iUM16Md8P2", "settings": settings}
    source = (await control.data("POST", "/sources", body))["source"]
    assert (await control.data("GET", f"/sources/{source['id']}"))["source"]["settings"] == settings


@pytest.mark.parametrize(
    "query",
    [
        "pagination=%ff",
        "pagination=5",
        "pagination[count][x]=1",
        "pagination[cursor][a]=1",
        "pagination[cursor]=WzEsIlx1ZDgwMCJd",
        "pagination[cursor]=WyJhIiwiYiJd",
        "pagination[cursor]=WzEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDUsIngiXQ==",
    ],
)
async def test_a_hostile_query_is_refused(control, query):
    assert (await control.ask("GET", f"/sources?{query}")).status_code == 400


@pytest.mark.parametrize("identifier", ["%ff", "%00", "..%2f..", "%20"])
async def test_a_hostile_identifier_is_not_found(control, identifier):
    assert (await control.ask("GET", f"/sources/{identifier}")).status_code == 404
