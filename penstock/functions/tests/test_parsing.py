import asyncio

import pytest

from penstock.functions import parsing
from penstock.functions.parsing import Parser
from penstock.infra.calls import CallFailed
from penstock.js import DenoMissing
from penstock.spec.calls import ParseFunction, ParseReport


async def test_the_place_of_a_problem_is_told():
    assert await Parser().answer(ParseFunction("function onTrack() {\n  return ]\n}")) == ParseReport(
        "Unexpected token ']'", 2, 10
    )


async def test_many_are_parsed_a_few_at_once():
    parser = Parser()
    answers = await asyncio.gather(*(parser.answer(ParseFunction(f"let a{number}")) for number in range(5)))
    assert answers == [ParseReport()] * 5


async def test_where_deno_is_missing_the_asker_is_told(monkeypatch):
    async def find(_):
        raise DenoMissing("no Deno")

    monkeypatch.setattr(parsing, "find_syntax_problem", find)
    with pytest.raises(CallFailed, match="no Deno"):
        await Parser().answer(ParseFunction(""))
