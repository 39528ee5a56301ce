"""Journeys: each script is what a user does from the shell, from data to result."""

from pathlib import Path

import pytest
from forks import ROOT
from shell import run_in_shell

HERE = Path(__file__).parent
PRELUDE = HERE / "prelude.sh"
JOURNEYS = sorted(set(HERE.glob("*.sh")) - {PRELUDE})


@pytest.mark.slow
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda path: path.stem)
def test_a_journey_arrives(journey: Path, tmp_path: Path) -> None:
    places = {"DATA": str(ROOT / "data"), "CONFIGS": str(ROOT / "configs")}
    is_forked = journey.stem != "ssh"  # which sends a signal
    done = run_in_shell(
        '. "$0"; . "$1"', PRELUDE, journey, cwd=tmp_path, env=places, forked=is_forked
    )
    assert done.returncode == 0, done.stdout
