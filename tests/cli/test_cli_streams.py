import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tool_process import COMMAND, HANGS, drain, environment, run

RUN = "runs/tiny-001"
TOOL = " ".join(f"'{part}'" for part in COMMAND)


def bash(script: str, cwd: Path, **env: str) -> tuple[str, str]:
    """What a shell script prints, in which `mlptrain` is the tool."""
    ended = subprocess.run(
        ["bash", "-c", f"mlptrain() {{ {TOOL} \"$@\"; }}\n{script}"],
        cwd=cwd, env=environment(env), capture_output=True, text=True, timeout=HANGS, check=False,
    )  # fmt: skip
    return ended.stdout, ended.stderr


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "command",
    [
        f"predict data/test --model {RUN}",
        f"predict FOLDER --model {RUN} --format jsonl",
        f"eval {RUN}",
        "train tiny.yaml --set training.epochs=3",
    ],
)
def test_a_reader_that_leaves_ends_the_process_quietly(
    command: str, project: Path, thousands: Path
) -> None:
    run("train", "tiny.yaml", cwd=project)
    command = command.replace("FOLDER", str(thousands))
    out, err = bash(f"mlptrain {command} | true; echo ${{PIPESTATUS[0]}}", project)
    assert (out, err) == ("141\n", "")


def test_the_first_line_gets_through(trained: Path, thousands: Path) -> None:
    out, err = bash(
        f"mlptrain predict '{thousands}' --model {RUN} | head -1; echo ${{PIPESTATUS[0]}}", trained
    )
    first, code = out.splitlines()
    assert first.split()[:2] == [f"{thousands}/left/0000.png", "left"]
    assert (code, err) == ("141", "")


@pytest.mark.parametrize(
    "command",
    ["--help", "--version", "schema", "train tiny.yaml --print-config", f"eval {RUN}",
     f"eval {RUN} --json", f"predict data/test --model {RUN}",
     f"predict data/test --model {RUN} --format csv", "train tiny.yaml --run-dir full"],
)  # fmt: skip
def test_a_full_device_is_an_error(command: str, trained: Path) -> None:
    out, err = bash(f"mlptrain {command} >/dev/full; echo $? >&2", trained)
    assert out == ""
    assert err == "standard output: could not be written: No space left on device.\n6\n"


def test_a_closed_standard_output_is_an_error(trained: Path) -> None:
    out, err = bash(f"mlptrain predict data/test --model {RUN} >&-; echo $?", trained)
    assert out == "6\n"
    assert err.startswith("standard output: is closed.")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_messages_nobody_can_receive_change_nothing(stderr: str, trained: Path) -> None:
    script = f"mlptrain predict missing.png data/test/top/000.png --model {RUN} {stderr}; echo $?"
    out, err = bash(script, trained)
    line, code = out.splitlines()
    assert line.split()[:2] == ["data/test/top/000.png", "top"]
    assert (code, err) == ("3", "")


def test_without_standard_input(trained: Path) -> None:
    out, err = bash(f"mlptrain predict data/test/top/000.png --model {RUN} <&-; echo $?", trained)
    assert out.splitlines()[1] == "0"
    out, err = bash(f"mlptrain predict - --model {RUN} <&-; echo $?", trained)
    assert (out, err) == ("2\n", "standard input: no images there. Name some.\n")


@pytest.mark.parametrize(
    "env", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            {"PYTHONIOENCODING": "ascii"}],
)  # fmt: skip
def test_no_locale_breaks_the_output(env: dict[str, str], project: Path) -> None:
    for split in ("train", "test"):
        (project / f"data/{split}/top").rename(project / f"data/{split}/日本")
    for command in (["train", "tiny.yaml"], ["eval"], ["predict", "data/test/日本"]):
        ended = run(*command, cwd=project, env=env)
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err
    assert ended.out.startswith("data/test/")


def test_bad_images_are_reported_where_they_occur_in_a_joint_log(trained: Path) -> None:
    image = "data/test/top/000.png"
    out, _ = bash(f"mlptrain predict {image} gone.png {image} --model {RUN} 2>&1", trained)
    assert [line.split()[0] for line in out.splitlines()] == [image, "gone.png:", image, "1"]


SUSPENDED = """
import os, signal
from mlptrain.training.trainer import Trainer
steps = Trainer.steps
def suspend(self):
    if self.progress.epoch == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    return steps(self)
Trainer.steps = suspend
from mlptrain.cli.app import main
main()
"""


def test_a_row_is_in_the_log_before_the_next_epoch_begins(project: Path) -> None:
    """The process stops itself there, so nothing that it still holds back gets out."""
    with (project / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SUSPENDED, "train", "tiny.yaml"],
            cwd=project, env=environment(), stdout=log, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        rows = (project / "log").read_text().splitlines()
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0
    assert rows[-2].startswith("epoch ")
    assert rows[-1].split()[0] == "1"
    assert (project / "log").read_text().splitlines()[: len(rows)] == rows


def test_a_training_log_grows_row_by_row(project: Path, thousands: Path) -> None:
    with (project / "log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "train", "tiny.yaml", "--set", f"data.train={thousands}", "--set",
             "training.epochs=100000"],
            cwd=project, env=environment(), stdout=log, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: (project / "log").read_text().count("\n") >= 3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    copies, stopped, resume = err.splitlines()
    assert "images are copies of others" in copies
    assert re.fullmatch(
        r"stopped in epoch \d+, after step \d+; the state is saved\. Resume with:", stopped
    )
    assert resume == (
        "  mlptrain train tiny.yaml --run-dir runs/tiny-001 "
        f"--set data.train={thousands} --set training.epochs=100000 --resume"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_data_is_read_ends_it_quietly(number: signal.Signals, project: Path) -> None:
    rows = "train/top/000.png,top\ntrain/left/000.png,left\ntrain/right/000.png,right\n"
    (project / "data/many.csv").write_text("filepath,label\n" + 200_000 * rows)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "train", "tiny.yaml", "--set", "data.train=data/many.csv"],
        cwd=project, env=environment(), stdout=slave, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while b"images" not in shown:
        shown += os.read(master, 4096)
    process.send_signal(number)
    assert b"\x1b[?25h" in drain(master)  # the cursor is back
    err = process.communicate(timeout=HANGS)[1]
    assert err == b"stopped before training began\n"
    assert process.returncode == 128 + number
    assert not (project / "runs").exists()


def test_a_signal_while_paths_are_read_ends_it_quietly(trained: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "predict", "-", "--model", RUN],
        cwd=trained, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(b"x" * 65536 + b"\n" + b"x" * 65536)  # returns when all but 64 KiB is read
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANGS)
    assert (process.returncode, out, err) == (130, b"", b"")
