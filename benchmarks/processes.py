"""Whole processes, timed from outside, in turn within every round."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"
MLPTRAIN = str(Path(sys.executable).with_name("mlptrain"))

Command = Callable[[int], list[str]]  # of the round, so that each can write to a place of its own


def script(name: str, *arguments: object) -> list[str]:
    """A command that runs a script of `scripts/`."""
    return [sys.executable, str(SCRIPTS / name), *map(str, arguments)]


def run(command: list[str]) -> float:
    """Seconds until the command has ended. Raises CalledProcessError if it fails."""
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure(commands: dict[str, Command], rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round, after one round that warms the file cache."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        order = list(commands)
        random.Random(number).shuffle(order)
        for name in order:
            seconds[name].append(run(commands[name](number)))
    return {name: values[1:] for name, values in seconds.items()}
