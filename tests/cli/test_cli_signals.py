"""Signals wherever a command is: the exit code is 128 + the number, and nothing is said."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tool_process import environment

# Sends itself signals, both before Python looks for the first, when `event` happens to `name`.
WHEN = """
import os, signal, sys
event, name = sys.argv.pop(1), sys.argv.pop(1)
numbers = [int(number) for number in sys.argv.pop(1).split(",")]
def hook(happened, args):
    if happened == event and str(args[0]).endswith(name):
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        for number in numbers:
            os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
sys.addaudithook(hook)
from mlptrain.__main__ import main
main()
"""
# A destructor is where an exception cannot be passed on.
IN_DESTRUCTOR = """
import os, signal
from mlptrain.training.signals import StopRequest, leave_on_signals
class Fragile:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
leave_on_signals()
with StopRequest():
    Fragile()
    print("went on", flush=True)
"""
COMMANDS = {
    "train": "train tiny.yaml --run-dir new",
    "eval": "eval runs/tiny-001",
    "predict": "predict data/test --model runs/tiny-001",
    "info": "info",
    "schema": "schema",
    "print": "train tiny.yaml --print-config",
}
SIGNALS = ["2", "15", "1", "2,15", "15,1"]


def interrupted(place: Path, command: str, *when: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    ended = subprocess.run(
        [sys.executable, "-c", WHEN, *when, *command.split()], cwd=place, env=environment(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def codes(numbers: str) -> set[int]:
    return {128 + int(number) for number in numbers.split(",")}


@pytest.mark.parametrize(
    ("command", "module"),
    [("train", "typer"), ("train", "numpy"), ("train", "rich"), ("eval", "pydantic"),
     ("predict", "safetensors"), ("info", "threadpoolctl"), ("schema", "pydantic"),
     ("schema", "mlptrain.config.describe"), ("print", "mlptrain.config.load")],
)  # fmt: skip
@pytest.mark.parametrize("numbers", ["2", "15,1"])
def test_while_a_command_is_imported(
    trained: Path, command: str, module: str, numbers: str
) -> None:
    code, out, err = interrupted(trained, COMMANDS[command], "import", module, numbers)
    assert (out, err) == ("", "")
    assert code in codes(numbers)


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
@pytest.mark.parametrize("numbers", SIGNALS)
def test_while_images_are_read(trained: Path, command: str, numbers: str) -> None:
    code, out, err = interrupted(trained, COMMANDS[command], "open", "top/003.png", numbers)
    said = "stopped before training began\n" if command == "train" else ""
    assert out == ""
    assert err in ({said} if "," not in numbers else {said, ""})  # the second one ends it at once
    assert code in codes(numbers)
    assert not (trained / "new").exists()


def test_in_a_destructor(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IN_DESTRUCTOR], cwd=tmp_path, env=environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGTERM, "", "")
