"""A run that is asked to stop: it saves its state, says how to go on, and can go on."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from forks import HANGS, Forked
from tiny_runs import (
    AT_STEP,
    EACH_STEP,
    ENVIRONMENT,
    broken,
    differing,
    mlptrain,
    start,
    strict_json,
    temporary,
    wait_until,
)

from mlptrain.training import checkpoint

pytestmark = pytest.mark.slow

WHILE_READING = """
import os, signal, sys
from mlptrain.training import setup
number = int(sys.argv.pop(1))
def read(*_):
    os.kill(os.getpid(), number)
    signal.pause()
setup.read_splits = read
from mlptrain.cli.app import main
main()
"""


# In step 6 both signals are there before Python looks for the first.
AT_ONCE = f"""{EACH_STEP}
import os, signal, sys
numbers = [int(sys.argv.pop(1)) for _ in range(2)]
def stop(step):
    if step == 6:
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        for number in numbers:
            os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
after_step(stop)
from mlptrain.__main__ import main
main()
"""


def ended(process: Forked) -> tuple[int, str]:
    """Exit code and stderr."""
    errors = process.communicate()[1]
    assert "Traceback" not in errors
    return process.wait(), errors


def stopped(project: Path, folder: Path, number: int, at: int, times: int = 1) -> tuple[int, str]:
    """A run that gets signal `number` within step `at`."""
    arguments = (
        str(int(number)),
        str(at),
        str(times),
        "train",
        "tiny.yaml",
        "--run-dir",
        str(folder),
    )
    return ended(start(project, *arguments, program=AT_STEP))


@pytest.mark.both_kernels
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("at", [1, 4, 6, 12])  # the first, an epoch's last, amid, the very last
def test_a_signal_saves_the_step_and_the_run_goes_on(
    project: Path, reference: Path, tmp_path: Path, name: str, code: int, at: int
) -> None:
    run = tmp_path / "a run"
    ended_with, errors = stopped(project, run, signal.Signals[name], at)
    assert ended_with == code, errors
    assert checkpoint.load(run / "last.safetensors").state.progress.step == at
    assert not broken(run, reference)
    command = re.search(r"mlptrain (train .* --resume)$", errors, re.MULTILINE)
    assert command, errors
    mlptrain(project, *shlex.split(command[1]))
    assert differing(run, reference) == []
    assert temporary(run) == []


def test_a_second_signal_ends_the_run_at_once(
    project: Path, reference: Path, tmp_path: Path
) -> None:
    code, _ = stopped(project, tmp_path / "run", signal.SIGTERM, at=6, times=2)
    assert code == 143
    assert checkpoint.load(tmp_path / "run" / "last.safetensors").state.progress.step == 4
    assert not broken(tmp_path / "run", reference)
    mlptrain(project, "train", "tiny.yaml", "--run-dir", str(tmp_path / "run"), "--resume")
    assert differing(tmp_path / "run", reference) == []


@pytest.mark.parametrize(
    "numbers", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP)]
)
def test_two_signals_at_once_leave_a_valid_folder(
    project: Path, reference: Path, tmp_path: Path, numbers: tuple[int, int]
) -> None:
    both = [str(int(number)) for number in numbers]
    arguments = ("train", "tiny.yaml", "--run-dir", str(tmp_path / "run"))
    code, errors = ended(start(project, *both, *arguments, program=AT_ONCE))
    assert code in {128 + number for number in numbers}, errors
    assert not broken(tmp_path / "run", reference)
    mlptrain(project, *arguments, "--resume")
    assert differing(tmp_path / "run", reference) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_long_run_stops_after_the_step(project: Path, tmp_path: Path, number: int) -> None:
    run = tmp_path / "run"
    process = start(project, "train", "tiny.yaml", "--run-dir", str(run), *LONG)
    wait_until((run / "last.safetensors").exists)
    process.send_signal(number)
    code, errors = ended(process)
    assert code == 128 + number, errors
    progress = checkpoint.load(run / "last.safetensors").state.progress
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert [strict_json(line)["epoch"] for line in lines] == list(range(1, progress.epoch + 1))
    assert not (run / "summary.json").exists()


LONG = ("--set", "training.epochs=1000000", "--set", "training.early_stopping=null")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_while_data_is_read_leaves_nothing(
    project: Path, tmp_path: Path, number: int, code: int
) -> None:
    arguments = (str(int(number)), "train", "tiny.yaml", "--run-dir", str(tmp_path / "run"))
    ended_with, errors = ended(start(project, *arguments, program=WHILE_READING))
    assert ended_with == code, errors
    assert not (tmp_path / "run").exists()


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(
    project: Path, tmp_path: Path
) -> None:
    """As under nohup: the terminal's closing does not end the run."""
    run = tmp_path / "run"
    tool = (sys.executable, "-m", "mlptrain")
    script = f"trap '' HUP; exec {shlex.join([*tool, 'train', 'tiny.yaml', '--run-dir', str(run)])}"
    arguments = ("--set", "training.epochs=30", "--set", "training.early_stopping=null")
    process = subprocess.Popen(
        ["sh", "-c", f"{script} {shlex.join(arguments)}"], cwd=project, env=ENVIRONMENT
    )
    wait_until((run / "last.safetensors").exists)
    process.send_signal(signal.SIGHUP)
    assert process.wait(HANGS) == 0
