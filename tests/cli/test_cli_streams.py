import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forks import HANGS, Forked
from tool_process import COMMAND, environment, run

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
        f"predict FOLDER --model {RUN} --json",
        f"eval {RUN}",
        "train tiny.yaml --run-dir unread",
    ],
)
def test_a_reader_that_is_gone_ends_the_process_quietly(
    command: str, trained: Path, thousands: Path
) -> None:
    arguments = command.replace("FOLDER", str(thousands)).split()
    reading, writing = os.pipe()
    os.close(reading)
    ended = Forked(arguments, cwd=trained, env=environment(), out=writing)
    os.close(writing)
    assert (ended.communicate(), ended.wait()) == (("", ""), -signal.SIGPIPE)


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
    with Path("/dev/full").open("wb") as full:
        ended = Forked(command.split(), cwd=trained, env=environment(), out=full.fileno())
        assert ended.communicate()[1] == (
            "standard output: could not be written: No space left on device.\n"
        )
    assert ended.wait() == 6


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
    assert (out, err) == ("2\n", "standard input: no files to predict from there. Name some.\n")


@pytest.mark.parametrize(
    "env", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            {"PYTHONIOENCODING": "ascii"}],
)  # fmt: skip
def test_no_locale_breaks_the_output(env: dict[str, str], project: Path) -> None:
    for split in ("train", "test"):
        (project / f"data/{split}/top").rename(project / f"data/{split}/日本")
    for command in (["train", "tiny.yaml"], ["eval"], ["predict", "data/test/日本"]):
        ended = run(*command, cwd=project, env=env, command=COMMAND)
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err
    assert ended.out.startswith("data/test/")


def test_bad_images_are_reported_where_they_occur_in_a_joint_log(trained: Path) -> None:
    image = "data/test/top/000.png"
    out, _ = bash(f"mlptrain predict {image} gone.png {image} --model {RUN} 2>&1", trained)
    assert [line.split()[0] for line in out.splitlines()] == [image, "gone.png:", image, "1"]


LOOKING = """
import shutil
from mlptrain.training.descent import MiniBatchDescent
steps = MiniBatchDescent.steps
def look(self, progress):
    if progress.epoch == 1:
        shutil.copy("log", "seen")
    return steps(self, progress)
MiniBatchDescent.steps = look
from mlptrain.cli.app import main
main()
"""


def test_a_row_is_in_the_log_before_the_next_epoch_begins(project: Path) -> None:
    with (project / "log").open("wb") as log:
        process = Forked(
            ["train", "tiny.yaml"],
            cwd=project, env=environment(), program=LOOKING, out=log.fileno(),
        )  # fmt: skip
        assert process.communicate() == ("", "")
    assert process.wait() == 0
    rows = (project / "seen").read_text().splitlines()
    assert rows[-2].startswith("epoch ")
    assert rows[-1].split()[0] == "1"
    assert (project / "log").read_text().splitlines()[: len(rows)] == rows


def test_a_stopped_run_says_where_it_is_and_how_to_go_on(project: Path) -> None:
    many = {**environment(), "MLPTRAIN_SET__training__epochs": "1000000"}
    with (project / "log").open("wb") as log:
        process = Forked(
            ["train", "tiny.yaml", "--set", "seed=1"], cwd=project, env=many, out=log.fileno()
        )
        wait_until(lambda: "\n    3 " in (project / "log").read_text())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.wait() == 130
    stopped, resume = err.splitlines()
    assert re.fullmatch(
        r"stopped in epoch \d+, after step \d+; the state is saved\. Resume with:", stopped
    )
    assert resume == (
        "  mlptrain train tiny.yaml --run-dir runs/tiny-001 --set training.epochs=1000000 "
        "--set seed=1 --resume"
    )


def test_a_signal_while_paths_are_read_ends_it_quietly(trained: Path) -> None:
    reading, writing = os.pipe()
    process = Forked(
        ["predict", "-", "--model", RUN], cwd=trained, env=environment(), stdin=reading
    )
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as paths:
        paths.write(b"x" * 65536 + b"\n")
        paths.write(b"x" * 65536)  # returns when all but 64 KiB is read
        process.send_signal(signal.SIGINT)
    # Between two reads of one line Python does not look for signals, so the pipe has to end.
    assert (process.communicate(), process.wait()) == (("", ""), 130)
