"""Timing of whole processes from outside."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.rounds import in_turn

SCRIPTS = Path(__file__).resolve().parent / "scripts"
MLPTRAIN = str(Path(sys.executable).with_name("mlptrain"))


def script(name: str, *arguments: object) -> list[str]:
    """The command that runs the script `name` of `scripts/`."""
    return [sys.executable, str(SCRIPTS / name), *map(str, arguments)]


def run(command: list[str], folder: Path) -> float:
    """Run the command in `folder` and return the seconds it took. Raises CalledProcessError if it
    fails."""
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure(commands: dict[str, list[str]], folder: Path, rounds: int) -> dict[str, list[float]]:
    """The seconds of each command in each round, after a round that warms the file cache."""
    turns = {name: partial(run, command, folder) for name, command in commands.items()}
    seconds = in_turn(turns, rounds + 1)
    return {name: values[1:] for name, values in seconds.items()}
