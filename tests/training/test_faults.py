"""Whatever happens to a run at whatever moment: its folder stays whole, and resumed it ends with
the bytes of the undisturbed run."""

import json
import subprocess
import sys
from pathlib import Path

import inject_faults
import kill_many
import pytest
from tiny_runs import ENVIRONMENT

pytestmark = pytest.mark.slow


def test_every_file_operation_may_fail_in_every_way(tmp_path: Path) -> None:
    script = inject_faults.__file__
    ended = subprocess.run(
        [sys.executable, script, tmp_path], stdout=subprocess.PIPE, env=ENVIRONMENT, check=True
    )
    result = json.loads(ended.stdout)
    assert result["wrong"] == []
    assert result["calls"] > 60
    assert result["resumed"] > 30
    cases = result["cases"]
    assert cases["kill"] == cases["ENOSPC"] == cases["EIO"] == result["calls"] + 1
    assert cases["half"] == cases["short"] > 10


@pytest.mark.both_kernels
def test_a_run_may_be_killed_at_any_time(tmp_path: Path) -> None:
    """Ten times here; kill_many.py, run by itself, does it more often."""
    counts = kill_many.main(tmp_path, kills=10)
    assert counts["kills"] >= 10
    wrong = ("broken", "differing", "temporary_left", "failed")
    assert {name: counts[name] for name in wrong} == dict.fromkeys(wrong, 0)
