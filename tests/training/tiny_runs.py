"""A training run of a fraction of a second, and what can be checked about its folder.

24 digits of 8×8 pixels, 18 of them to train: 4 steps per epoch, the last batch smaller. Dropout and
early stopping are on; the second of the three epochs is not the best so far, the third is.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forks import HANGS, ROOT, Forked

DIGITS = ROOT / "data" / "digits"
CONFIG = """\
data:
  train: data/train
  test: data/test
  validation: 0.25
model:
  layers:
    - {type: dense, units: 4, activation: relu}
    - {type: dropout, rate: 0.3}
training:
  batch_size: 5
  epochs: 3
  optimizer: {type: adam, learning_rate: 0.1}
  early_stopping: {monitor: val_loss, patience: 2}
  threads: 1
seed: 6
"""
STEPS = 4
INPUTS = ("config.yaml", "split.csv")
STATES = ("best.safetensors", "last.safetensors")
FINAL = {*INPUTS, *STATES, "metrics.jsonl", "summary.json"}
CLOCK = ("seconds", "examples_per_second")
# Trains where a folder cannot be made durable and a file cannot be locked.
ON_FOREIGN_FILE_SYSTEM = """
import errno, os, stat
from mlptrain import files
from mlptrain.system import System
class Foreign(System):
    def fsync(self, descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        super().fsync(descriptor)
    def flock(self, descriptor, kind):
        raise OSError(errno.ENOLCK, "No locks available")
files.system = Foreign()
from mlptrain.cli.app import main
main()
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/tests", "OPENBLAS_NUM_THREADS": "1"}
CLI = (sys.executable, "-m", "mlptrain")
# Every step is a native call of its own, after which `do` is called with how many were made.
EACH_STEP = """
from mlptrain.training import descent
from mlptrain.training.step import Step
descent.CALL_SECONDS = 0
def after_step(do):
    run = Step.run
    def run_and_do(self, *arguments):
        result = run(self, *arguments)
        do(int(self._counter[0]))
        return result
    Step.run = run_and_do
"""
# After step number `at` the process sends itself a signal, `times` times.
AT_STEP = f"""{EACH_STEP}
import os, sys
number, at, times = (int(sys.argv.pop(1)) for _ in range(3))
def stop(step):
    for _ in range(times * (step == at)):
        os.kill(os.getpid(), number)
after_step(stop)
from mlptrain.cli.app import main
main()
"""


def make_project(folder: Path) -> Path:
    """Put data and config into `folder`; returns the config file."""
    for split, count in (("train", 12), ("test", 5)):
        for label in "01":
            target = folder / "data" / split / label
            target.mkdir(parents=True)
            for image in sorted((DIGITS / split / label).iterdir())[:count]:
                shutil.copy(image, target)
    config = folder / "tiny.yaml"
    config.write_text(CONFIG)
    return config


def mlptrain(cwd: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line; it must end with `code`."""
    process = start(cwd, *arguments)
    out, err = process.communicate()
    assert process.returncode == code, err
    assert "Traceback" not in err
    return subprocess.CompletedProcess(arguments, code, out, err)


def start(cwd: Path, *arguments: str, program: str | None = None, umask: int = -1) -> Forked:
    """Start the command line without waiting for it; the source text `program` may stand in for
    it."""
    return Forked(arguments, cwd=cwd, env=ENVIRONMENT, program=program, umask=umask)


def wait_until(condition: Callable[[], object], seconds: float = HANGS) -> None:
    """Wait until `condition()` is true; an AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def strict_json(text: str | bytes) -> Any:
    """Parse JSON without Python's NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def timeless(metrics: bytes) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what the clock decides."""
    rows = [strict_json(line) for line in metrics.splitlines()]
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def placeless(config: bytes) -> bytes:
    """config.yaml without the way from its folder to the data."""
    return re.sub(rb" +# ", b" # ", re.sub(rb"(path: )\S*(data/\w+)", rb"\1\2", config))


def content(folder: Path) -> dict[str, Any]:
    """Everything in a run folder that has to be the same for the same run."""
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    found.pop(".lock", None)
    if "config.yaml" in found:
        found["config.yaml"] = placeless(found["config.yaml"])
    if "metrics.jsonl" in found:
        assert not found["metrics.jsonl"] or found["metrics.jsonl"].endswith(b"\n")
        found["metrics.jsonl"] = timeless(found["metrics.jsonl"])
    return found


def differing(folder: Path, reference: Path) -> list[str]:
    """Names of the files of two run folders that are not the same, missing or too many."""
    one, other = content(folder), content(reference)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def broken(folder: Path, reference: Path) -> list[str]:
    """Names in `folder` that hold less than a whole file. Of metrics.jsonl the last line may lack
    its end: it is the one file that grows."""
    from mlptrain.errors import ModelFileError
    from mlptrain.training import checkpoint

    bad = []
    for path in folder.iterdir() if folder.exists() else ():
        if path.name == ".lock" or path.name.endswith(".tmp"):
            continue
        data = path.read_bytes()
        try:
            if path.name in STATES:
                checkpoint.load(path)
            elif path.name == "metrics.jsonl":
                lines = data.splitlines(keepends=True)
                timeless(b"".join(line for line in lines if line.endswith(b"\n")))
            elif path.name == "config.yaml":
                if placeless(data) != placeless((reference / path.name).read_bytes()):
                    bad.append(path.name)
            elif path.name not in FINAL or data != (reference / path.name).read_bytes():
                bad.append(path.name)
        except (ModelFileError, ValueError):
            bad.append(path.name)
    return bad


def temporary(folder: Path) -> list[str]:
    """Names of temporary files left in `folder`."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(".tmp")]
