"""Processes killed under load: nothing that was confirmed is lost, nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CRASH = Path(__file__).parents[2] / "benchmarks" / "crash.py"


@pytest.mark.timeout(120)
def test_killed_three_times_under_load_it_keeps_every_promise():
    # Both gateways may be dead at once; on a busy machine they take their time to come back.
    command = [sys.executable, str(CRASH), "--kills", "3", "--slowest", "45", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert sum(found["kills"].values()) == 3
    assert found["predictions confirmed"] > 100
