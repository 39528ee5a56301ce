"""Signals wherever a command is: the exit code is 128 + the number, and nothing is said."""

import os
import pty
import signal
import sys
from pathlib import Path

import pytest
from forks import Forked
from tool_process import Ended, environment, run, run_on_terminal

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
# The live line is drawn at every occasion.
BAR = """
from mlptrain.cli import live
live.REFRESH_SECONDS = 0
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


def interrupted(place: Path, command: str, *when: str, fresh: bool = False) -> Ended:
    """How it ends; `fresh`: in a process that imports everything itself."""
    arguments = (*when, *COMMANDS[command].split())
    if fresh:
        return run(*arguments, cwd=place, command=(sys.executable, "-c", WHEN))
    return run(*arguments, cwd=place, program=WHEN)


def codes(numbers: str) -> set[int]:
    return {128 + int(number) for number in numbers.split(",")}


@pytest.mark.parametrize(
    ("command", "module", "numbers"),
    [("train", "typer", "2"), ("train", "numpy", "15,1"), ("train", "rich", "15"),
     ("eval", "pydantic", "2"), ("predict", "safetensors", "1"), ("info", "threadpoolctl", "15,1"),
     ("schema", "pydantic", "2"), ("schema", "mlptrain.config.describe", "15"),
     ("print", "mlptrain.config.load", "15,1")],
)  # fmt: skip
def test_while_a_command_is_imported(
    trained: Path, command: str, module: str, numbers: str
) -> None:
    ended = interrupted(trained, command, "import", module, numbers, fresh=True)
    assert (ended.out, ended.err) == ("", "")
    assert ended.code in codes(numbers)


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
@pytest.mark.parametrize("numbers", SIGNALS)
def test_while_images_are_read(trained: Path, command: str, numbers: str) -> None:
    ended = interrupted(trained, command, "open", "top/003.png", numbers)
    said = "stopped before training began\n" if command == "train" else ""
    assert ended.out == ""
    assert ended.err in ({said} if "," not in numbers else {said, ""})  # the second ends it at once
    assert ended.code in codes(numbers)
    assert not (trained / "new").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_cursor_is_back_after_a_signal_while_a_bar_is_shown(
    project: Path, number: signal.Signals
) -> None:
    err = project / "err"
    when = ("open", "top/003.png", str(int(number)))
    ended = run_on_terminal(
        *when, *COMMANDS["train"].split(), cwd=project, redirect={"stderr": err}, program=BAR + WHEN
    )
    assert ended.code == 128 + number
    assert err.read_text() == "stopped before training began\n"
    assert "/48 images" in ended.out
    assert ended.out.rindex("\x1b[?25h") > ended.out.rindex("\x1b[?25l")
    assert not (project / "runs").exists()


def test_in_a_destructor(tmp_path: Path) -> None:
    ended = run(cwd=tmp_path, program=IN_DESTRUCTOR)
    assert ended == Ended(128 + signal.SIGTERM, "", "")


# When the second epoch is saved, it waits for its terminal to be gone, and gets the signal.
WITHOUT_TERMINAL = """
import os, signal, sys
saved = 0
def hook(happened, args):
    global saved
    if happened == "open" and str(args[0]).endswith("metrics.jsonl"):
        saved += 1
        if saved == 2:
            print("now", flush=True)
            while True:
                try:
                    os.write(1, b".")
                except OSError:
                    break
            os.kill(os.getpid(), signal.SIGHUP)
sys.addaudithook(hook)
from mlptrain.__main__ import main
main()
"""


def test_a_lost_terminal_leaves_a_saved_state(project: Path) -> None:
    master, slave = pty.openpty()
    process = Forked(
        COMMANDS["train"].split(),
        cwd=project,
        env=environment(),
        program=BAR + WITHOUT_TERMINAL,
        out=slave,
        err=slave,
    )
    os.close(slave)
    received = b""
    while b"now" not in received:
        received += os.read(master, 65536)
    os.close(master)
    assert process.wait() == 128 + signal.SIGHUP
    resumed = run(*COMMANDS["train"].split(), "--resume", cwd=project)
    assert resumed.code == 0
    assert "resumed at epoch 3, step 1" in resumed.out
