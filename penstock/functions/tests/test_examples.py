"""Examples of the original's documentation run unchanged, on real processes; the outside is a receiver on loopback."""

import importlib.util
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from penstock.functions.instance import Program, Work
from penstock.functions.pool import FunctionPool, FunctionSettings
from penstock.infra.http import OutboundPolicy
from penstock.testing.receiver import Receiver, Reply

_spec = importlib.util.spec_from_file_location("examples", Path(__file__).with_name("examples.py"))
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)
EXAMPLES = examples.EXAMPLES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[FunctionPool]:
    async with FunctionPool(OutboundPolicy(), FunctionSettings(megabytes=200)) as started:
        yield started


@pytest.fixture
def outside():
    with Receiver(lambda asked: Reply(503 if asked.path == "/down" else 200, body=b'{"answer":42}')) as listening:
        yield listening


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_does_what_it_says(pool, outside, name):
    example = EXAMPLES[name]
    settings = json.dumps(example.settings | {"HOST": outside.url}).encode()
    work = Work(example.handler, json.dumps(example.given).encode(), settings)
    outcome = await pool.run(name, Program(example.kind, example.code), work)
    assert (outcome.consequence, outcome.code) == (example.consequence, example.code_of_end), outcome
    assert json.loads(outcome.value) == example.value
    assert [json.loads(text) for text in outcome.messages] == example.messages
    assert sorted((asked.method, asked.path) for asked in outside.requests) == sorted(example.asked)
    if example.sent is not None:
        (asked,) = outside.requests
        assert (asked.body.decode() if isinstance(example.sent, str) else asked.json()) == example.sent
