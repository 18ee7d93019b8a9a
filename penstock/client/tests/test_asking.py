import asyncio

import pytest

from penstock.client.asking import Asking, Failed, Unreachable, quoted, written
from penstock.client.public_api import PublicApi
from penstock.kit.ports import free_port
from penstock.processes.embedded_http import serve_http
from penstock.processes.ports import is_listening
from penstock.resources.application import build_application
from penstock.resources.what_if.operations import _SECONDS as WHAT_IF_SECONDS

pytestmark = pytest.mark.one_database


def test_a_query_leaves_out_what_is_none_and_repeats_lists():
    assert written({"a": None, "b": ["x y", "z"], "c": 1, "d": True}) == "b=x+y&b=z&c=1&d=true"
    assert written({"rules": [{"key": "k"}]}) == "rules=%5B%7B%22key%22%3A+%22k%22%7D%5D"


def test_a_part_of_a_path_cannot_leave_it():
    assert quoted("../a?b#c") == "..%2Fa%3Fb%23c"


def test_where_nobody_answers_the_address_is_named():
    with Asking("http://127.0.0.1:1", "token") as ask, pytest.raises(Unreachable, match="127.0.0.1:1"):
        ask("GET", "/sources")


def test_an_answer_is_waited_for_as_long_as_the_slowest_operation_may_take(monkeypatch):
    given = []
    monkeypatch.setattr("penstock.client.asking.connection_to", lambda *connection: given.append(connection[-1]))
    Asking("http://127.0.0.1:1", "token")
    assert given[0] > WHAT_IF_SECONDS


async def test_the_generated_client_makes_reads_and_refuses(control):
    port = free_port()
    serving = asyncio.create_task(serve_http(build_application(control.api, []), port))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(is_listening, port):
            await asyncio.sleep(0.01)

    def talk():
        with Asking(f"http://127.0.0.1:{port}", control.first_run.token) as ask:
            api = PublicApi(ask)
            made = api.sources.create_source({"slug": "shop", "metadataId": "iUM16Md8P2"})["source"]
            assert api.sources.get_source(made["id"])["source"]["slug"] == "shop"
            first = api.sources.list_sources(count=1)
            assert first["pagination"]["totalEntries"] == 2
            second = api.sources.list_sources(count=1, cursor=first["pagination"]["next"])
            assert "shop" in [page["sources"][0]["slug"] for page in (first, second)]
            with pytest.raises(Failed) as refused:
                api.sources.update_source(made["id"], {"slug": ""})
            assert (refused.value.status, refused.value.problems[0]["field"]) == (400, "slug")
            with pytest.raises(Unreachable, match="not as Penstock does"):
                ask("GET", "/openapi.json")

    try:
        await asyncio.to_thread(talk)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
