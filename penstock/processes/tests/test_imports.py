"""What a start costs is mostly what is imported: a process takes only what it needs, and the rest when it needs it."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from penstock.processes import edge, engine, up, warehousing
first = sorted(sys.modules)
from penstock.processes import control
print(json.dumps([first, sorted(sys.modules)]))
"""
NEEDED_LATER = {"rich", "duckdb", "psycopg", "pyarrow", "alembic", "aiosqlite"}
NEEDED_BY_CONTROL = {"sqlalchemy", "pydantic", "starlette"}


def test_a_process_starts_without_what_it_may_never_need() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    without_control, with_control = map(set, json.loads(done.stdout))
    assert without_control & (NEEDED_LATER | NEEDED_BY_CONTROL) == set()
    assert with_control & NEEDED_LATER == set()
    assert with_control >= NEEDED_BY_CONTROL, "the names are those that they are imported by"
