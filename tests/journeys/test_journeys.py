"""Journeys: each script is what a user does from the shell, from data to result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
PRELUDE = HERE / "prelude.sh"
JOURNEYS = sorted(set(HERE.glob("*.sh")) - {PRELUDE})


@pytest.mark.slow
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda path: path.stem)
def test_a_journey_arrives(journey: Path, tmp_path: Path) -> None:
    found = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    places = {"DATA": str(ROOT / "data"), "CONFIGS": str(ROOT / "configs")}
    done = subprocess.run(
        ["bash", "-c", '. "$0"; . "$1"', str(PRELUDE), str(journey)],
        cwd=tmp_path,
        env={**os.environ, **places, "PATH": found},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
