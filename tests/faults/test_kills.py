"""A few kills in every run of the tests; `python tests/faults --kills 1000` for many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parent


@pytest.mark.skipif(sys.platform != "linux", reason="kills forked processes")
def test_fifteen_kills_lose_nothing() -> None:
    command = [sys.executable, str(FAULTS), "--kills", "15", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "15 kills" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
