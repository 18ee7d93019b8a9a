import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import structlog
from penstock.infra.telemetry import configure_logging

configure_logging("engine", "json")
for _ in range(3):
    structlog.get_logger("x").error("What I have to say.", answer=42)
print("goes on")
"""


def run(stderr):
    return subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=stderr, check=False, text=True)


def test_every_line_is_json_and_tells_its_role(tmp_path):
    with (tmp_path / "log").open("w+") as file:
        run(file)
        file.seek(0)
        lines = [json.loads(line) for line in file]
    assert [(line["role"], line["level"], line["answer"]) for line in lines] == [("engine", "error", 42)] * 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
def test_who_logs_to_a_full_disk_goes_on():
    with Path("/dev/full").open("w") as full:
        assert run(full).stdout == "goes on\n"
