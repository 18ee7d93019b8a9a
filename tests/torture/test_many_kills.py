"""The kill matrix at length: `make torture`. `PENSTOCK_KILL_SEED` repeats a run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

MATRIX = Path(__file__).parents[1] / "kill"


@pytest.mark.torture
def test_the_matrix_holds_for_fifty_random_kills():
    seed = os.environ.get("PENSTOCK_KILL_SEED", str(time.time_ns() % 1_000_000_000))
    environment = {**os.environ, "PENSTOCK_KILL_RANDOM": "50", "PENSTOCK_KILL_SEED": seed}
    command = [sys.executable, "-m", "pytest", "-s", str(MATRIX)]
    print(f"\nseed {seed}", flush=True)
    assert subprocess.run(command, env=environment, check=False).returncode == 0, f"seed {seed}"
