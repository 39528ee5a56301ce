"""Wherever the user names a path: one that may not be looked at is one line, and no traceback."""

import ctypes
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tiny_project import CLASSES
from tool_process import COMMAND, Ended, run

RUN = "runs/tiny-001"
GOOD = "data/test/top/000.png"
LONG = "a" * 300
UNREADABLE = {
    "locked/in": "Permission denied",
    LONG: "File name too long",
    "/".join(["a" * 100] * 50): "File name too long",
    "locked": "Permission denied",
    "loop/x": "Too many levels of symbolic links",
}


# Runs each of the command lines in a process, forked from one that has imported everything.
ALL_OF_THEM = """
import json, os, sys
from mlptrain.cli import app, predictions, render
from mlptrain.training import setup
for arguments in json.load(sys.stdin):
    streams = os.memfd_create("out"), os.memfd_create("err")
    if (child := os.fork()) == 0:
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
        sys.argv = ["mlptrain", *arguments]
        try:
            app.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    printed = [os.pread(each, 1 << 20, 0).decode() for each in streams]
    print(json.dumps([code, *printed]), flush=True)
"""


def as_a_plain_user() -> None:
    """Give up, for the next program, root's right to pass over permissions."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; fails for who has no rights anyway


def plain(*commands: Sequence[str], cwd: Path, **env: str) -> list[Ended]:
    """How these command lines end for a user without a right to what is locked."""
    ended = run(
        cwd=cwd,
        stdin=json.dumps(commands).encode(),
        env={"OPENBLAS_NUM_THREADS": "1", **env},  # a fork keeps only one thread
        command=(sys.executable, "-c", ALL_OF_THEM),
        preexec_fn=as_a_plain_user,
    )
    assert ended.err == ""
    found = [Ended(*json.loads(line)) for line in ended.out.splitlines()]
    assert len(found) == len(commands)
    assert not any("Traceback" in each.err for each in found)
    return found


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """A project with a trained run, a folder without rights and a link to itself."""
    shutil.copytree(trained, tmp_path / "place", symlinks=True)
    folder = tmp_path / "place"
    (folder / "locked/in").mkdir(parents=True)
    shutil.copy(folder / GOOD, folder / "locked/in/a.png")
    (folder / "loop").symlink_to("loop")
    (folder / "locked").chmod(0)
    yield folder
    (folder / "locked").chmod(0o700)


@pytest.mark.parametrize(
    "path",
    UNREADABLE,
    ids=["below one without rights", "long name", "long path", "without rights", "loop"],
)
def test_one_line_with_the_reason(place: Path, path: str) -> None:
    commands = {
        ("train", f"{path}/config.yaml"): 2,
        ("train", "tiny.yaml", "--run-dir", path): 6,
        ("train", "tiny.yaml", "--run-dir", path, "--resume"): 6,
        ("eval", path): 4,
        ("predict", GOOD, "--model", path): 4,
        ("eval", RUN, "--data", path): 3,
        ("train", "tiny.yaml", "--set", f"data.train={path}/images.csv"): 3,
        ("train", "tiny.yaml", "--set", f"data.validation={path}/x.npz"): 3,
        ("train", "tiny.yaml", "--set", f"data.test={path}/x-images-idx3-ubyte"): 3,
    }
    for arguments, ended in zip(commands, plain(*commands, cwd=place), strict=True):
        assert (ended.code, ended.out) == (commands[arguments], ""), (arguments, ended.err)
        assert UNREADABLE[path] in ended.err.splitlines()[0], arguments


def test_bad_entries_of_a_manifest_are_named(place: Path) -> None:
    rows = [f"data/train/{name}/{index:03d}.png,{name}" for name in CLASSES for index in range(8)]
    rows += [f"{path},left" for path in UNREADABLE]
    (place / "all.csv").write_text("filepath,label\n" + "\n".join(rows) + "\n")
    (ended,) = plain(("train", "tiny.yaml", "--set", "data.train=all.csv"), cwd=place)
    assert ended.code == 3
    for path, reason in UNREADABLE.items():
        assert f"{path}: cannot be read: {reason}\n" in ended.err
    assert "5 of 29 images cannot be used" in ended.err


def test_predict_names_what_it_cannot_read_and_goes_on(place: Path) -> None:
    """Also a folder, and one inside another."""
    (place / "mixed/closed").mkdir(parents=True)
    shutil.copy(place / GOOD, place / "mixed/a.png")
    (place / "mixed/closed").chmod(0)
    arguments = [*UNREADABLE, "locked/*.png", "mixed", GOOD]
    (ended,) = plain(("predict", *arguments, "--model", RUN, "--format", "csv"), cwd=place)
    assert ended.code == 3
    reasons = UNREADABLE | dict.fromkeys(["locked/*.png", "mixed/closed"], "Permission denied")
    *lines, last = ended.err.splitlines()
    assert lines == [f"{path}: cannot be read: {reason}" for path, reason in reasons.items()]
    assert last == "7 of 9 images could not be read."
    assert [row.split(",")[0] for row in ended.out.splitlines()[1:]] == ["mixed/a.png", GOOD]


def test_runs_that_may_not_be_looked_at(place: Path) -> None:
    (place / "other").mkdir()
    (place / "other").chmod(0)
    (ended,) = plain(("predict", GOOD), cwd=place)
    assert ended.err == f"using the latest run: {RUN}\n"
    (place / "runs").chmod(0)
    for ended, code in zip(
        plain(("predict", GOOD), ("train", "tiny.yaml"), cwd=place), (4, 6), strict=True
    ):
        assert (ended.code, ended.err) == (code, "runs: cannot be read: Permission denied.\n")
    (place / "runs").chmod(0o700)


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_a_cache_that_may_not_be_looked_at_costs_only_time(
    place: Path, thousands: Path, variable: str
) -> None:
    unset = {"XDG_CACHE_HOME": "", "HOME": "/"}
    env = {**unset, variable: str(place / "locked")}
    (ended,) = plain(("eval", RUN, "--data", str(thousands)), cwd=place, **env)
    assert ended.code == 0
    line, copies, trained_on = ended.err.splitlines()
    assert "images are copies of others" in copies
    assert "the model was trained on" in trained_on
    assert "could not be kept here: Permission denied. " in line
    assert "Free some space" not in line


def test_a_current_folder_that_is_gone(place: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$0" "$@"'
    for arguments, code, said in (
        (("predict", str(place / GOOD)), 4, "there is no trained run"),
        (("predict", GOOD, "--model", str(place / RUN)), 3, f"{GOOD}: does not exist"),
        (("train", "tiny.yaml"), 2, "tiny.yaml: does not exist"),
        (("train", str(place / "tiny.yaml")), 6, "could not be written: No such file"),
    ):
        ended = run(*arguments, cwd=place, command=("sh", "-c", script, *COMMAND))
        assert ended.code == code, ended.err
        assert said in ended.err
        assert "Traceback" not in ended.err
        gone.mkdir()
