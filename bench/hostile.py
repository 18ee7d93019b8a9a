"""The attempts of the test tree to get out of a sandbox or to bring it down, in turn, through the real pool."""

import importlib.util
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penstock.functions.instance import Program, Work
from penstock.functions.outcome import Consequence, Outcome
from penstock.functions.pool import FunctionPool
from penstock.js import sandbox
from penstock.testing.receiver import Receiver

_LIST = Path(sandbox.__file__).parent / "tests" / "escapes.py"
_ATTEMPTING = """
const AsyncFunction = (async () => {}).constructor;
async function onTrack(event) { return await new AsyncFunction(event.code)() }
"""
_SECRET, _VARIABLE = "secret-of-the-file", "PENSTOCK_SECRET_OF_BENCH"
_NOTHING = (b"null", b"false", b"0", b'""')
_SECONDS = 0.3


async def attempt_all(pool: FunctionPool) -> tuple[int, list[str]]:
    """How many attempts there are, and the names of those that succeeded. Those that may end their process have a
    place each, for it would soon be held back.
    """
    found = _attempts()
    succeeded = []
    with _places() as places:
        for number, attempt in enumerate(found):
            code = _world() + attempt.code
            for place, value in places.items():
                code = code.replace(place, value)
            work = Work("onTrack", json.dumps({"code": code}).encode(), seconds=_SECONDS, patience=60)
            at = f"hostile-{number}" if attempt.ends else "hostile"
            if _has_succeeded(await pool.run(at, Program("DESTINATION", _ATTEMPTING), work)):
                succeeded.append(attempt.name)
    return len(found), succeeded


def _has_succeeded(outcome: Outcome) -> bool:
    if _SECRET in repr(outcome):
        return True
    return outcome.consequence is Consequence.DONE and outcome.value not in _NOTHING


@contextmanager
def _places() -> Iterator[dict[str, str]]:
    """What attempts reach for."""
    with TemporaryDirectory() as directory, Receiver() as receiver:
        file = Path(directory) / "secret.txt"
        file.write_text(_SECRET)
        os.environ[_VARIABLE] = _SECRET
        yield {
            "{file}": str(file),
            "{directory}": directory,
            "{port}": receiver.url.rpartition(":")[2],
            "{secret}": _VARIABLE,
        }


def _list() -> Any:
    spec = importlib.util.spec_from_file_location("escapes", _LIST)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _attempts() -> list[Any]:
    return [attempt for group in _list().GROUPS.values() for attempt in group]


def _world() -> str:
    text: str = _list().WORLD
    return text
